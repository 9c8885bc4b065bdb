import type { Command } from 'commander'

/**
 * Lets every command of a program that takes `--config` take `--tenant` too. What the command is given as `config` is
 * then a {@link TenantChoice}.
 */
export function addTenants(root: Command): void {
  for (const command of withConfig(root)) {
    command.option('--tenant <NAME>', 'one of the tenants that the configuration names')
  }
  root.hook('preAction', (_root, command) => {
    const { tenant, config } = command.opts<{ tenant?: string; config?: string }>()
    if (tenant !== undefined) command.setOptionValue('config', { host: config, tenant })
  })
}

function withConfig(command: Command): readonly Command[] {
  const below = command.commands.flatMap(withConfig)
  return command.options.some(({ long }) => long === '--config') ? [command, ...below] : below
}
