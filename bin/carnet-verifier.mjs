#!/usr/bin/env node
import { launch } from './launch.mjs'

await launch('carnet-verifier', 'verifier/main.js')
