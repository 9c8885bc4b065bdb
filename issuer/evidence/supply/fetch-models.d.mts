export const MODEL_MANIFEST: string

export function fetchManifest(
  path: string,
  options?: { report?: (line: string) => void; cache?: string },
): Promise<Record<string, string>>

export function fetchModels(report?: (line: string) => void): Promise<number>
