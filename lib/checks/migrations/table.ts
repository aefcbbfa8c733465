import { rowsOf, withPostgres } from '../../clients/postgres.js'
import { targetOf, type PostgresTarget } from '../../clients/postgres-hosts.js'
import { HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, type ServiceWarning } from '../../errors.js'
import type { Row } from './standing.js'
import { migrationTool, type MigrationToolName } from './tools.js'
import type { CheckContext } from '../../../types/check.js'
import type { PostgresSource } from '../../../types/sources.js'

/** The table in which a tool records what it has applied. */
export interface RecordTable extends PostgresSource {
  readonly tool: MigrationToolName
  readonly table?: string
  readonly schema?: string
}

const undefinedTable = '42P01'
const undefinedColumn = '42703'
const insufficientPrivilege = '42501'

/**
 * Reads the table.
 *
 * @param warn receives the warning that the pool of the app is exhausted
 */
export async function recordedRows (
  context: CheckContext,
  source: RecordTable,
  warn: (warning: ServiceWarning) => void
): Promise<Row[]> {
  const answer = await rowsOrFault(context, source, warn)
  if (answer instanceof HealthCheckError) throw answer
  return answer
}

/** Returns the rows, or an error about the table. The error is returned and not thrown, since the connection can be used further. */
async function rowsOrFault (
  context: CheckContext,
  source: RecordTable,
  warn: (warning: ServiceWarning) => void
): Promise<Row[] | HealthCheckError> {
  const select = selectFrom(source)
  try {
    return await withPostgres(context, source, async client => {
      try {
        return await rowsOf<Row>(client, context, select)
      } catch (error) {
        switch ((error as { code?: string }).code) {
          // The table does not exist before the first run of the tool.
          case undefinedTable: return []
          case undefinedColumn: return new ServiceReturnedUnexpectedResult(
            `the table of migrations is not one of ${source.tool}`,
            { cause: error }
          )
          case insufficientPrivilege: return new ServiceUnavailable(
            'The table of migrations cannot be read: permission denied',
            { cause: error }
          )
          default: throw error
        }
      }
    }, { purpose: 'reads migrations', warn })
  } catch (error) {
    if (error instanceof ServiceUnavailable) throw new ServiceUnavailable(`Database is not ready: ${error.message}`, { cause: error })
    throw error
  }
}

function selectFrom ({ tool, table, schema, connectionString }: RecordTable): string {
  const books = migrationTool(tool)
  const place = schema ?? (tool === 'prisma' ? prismaSchema(connectionString) : undefined) ?? books.schema
  const path = [place, table ?? books.table].filter(part => part !== undefined)
  return `SELECT ${books.columns.map(quotedIdentifier).join(', ')} FROM ${path.map(quotedIdentifier).join('.')}`
}

// Prisma reads its schema from the same URL.
function prismaSchema (connectionString: string | undefined): string | undefined {
  if (connectionString === undefined) return undefined
  return new URL((targetOf(connectionString) as PostgresTarget).urls[0] as string).searchParams.get('schema') ?? undefined
}

function quotedIdentifier (identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
