import { Command } from 'commander'

await new Command('carnet-verifier').version('0.1.0').parseAsync()
