import { Command } from 'commander'

await new Command('carnet-wallet').version('0.1.0').parseAsync()
