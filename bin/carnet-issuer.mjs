#!/usr/bin/env node
import { launch } from './launch.mjs'

await launch('carnet-issuer', 'issuer/main.js')
