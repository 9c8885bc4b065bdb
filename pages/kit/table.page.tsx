import type { ComponentChildren, VNode } from 'preact'

/** What a table shows of a row. */
export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ComponentChildren
  /** `title` names the row; `acts` has what can be done with it. */
  readonly kind?: 'title' | 'acts'
}

/**
 * Rows in columns; where there is no room for columns, each row is a card with the names of its columns in it. The roles
 * are said because browsers forget them for what is not laid out as a table.
 */
export function Table<Row>(props: {
  readonly name: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
}): VNode {
  const { name, columns, rows, keyOf } = props
  return (
    <div class="table">
      <table role="table">
        <caption class="unseen">{name}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.name} scope="col" role="columnheader">
                {column.kind === 'acts' ? <span class="unseen">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row">
              {columns.map((column) => (
                <td key={column.name} class={column.kind ?? ''} role="cell">
                  {column.kind !== 'acts' && (
                    <span class="cell-label" aria-hidden="true">
                      {column.name}
                    </span>
                  )}
                  <span>{column.cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
