#!/usr/bin/env node
import { launch } from './launch.mjs'

await launch('carnet-audit', 'verifier/audit/main.js')
