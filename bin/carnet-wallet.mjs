#!/usr/bin/env node
import { launch } from './launch.mjs'

await launch('carnet-wallet', 'wallet-cli/main.js')
