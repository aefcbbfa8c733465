export interface Need {
  readonly package: string
  readonly programs?: readonly string[]
  readonly modules?: readonly string[]
  readonly in?: readonly string[]
}

export const needs: readonly Need[]
export function program (name: string): string
export function pythonWith (...modules: string[]): string
export function missing (): string[]
