import { newIdentifier } from '../identifier.ts'
import type { Random } from '../random.ts'
import { type Database, immediate } from '../store/database.sqlite.ts'
import type { ClaimedDelivery, NewEvent, WebhookStore } from './store.ts'
import {
  BACKLOG,
  type BacklogRow,
  backlogOf,
  type ClaimRow,
  type DeliveryRow,
  deliveryOf,
  type EndpointRow,
  endpointOf,
  eventOf,
  FORGET_SUBJECT,
} from './stored-delivery.ts'

/** The schema of events and their deliveries, in the order in which it grew. */
export const webhookMigrations: readonly string[] = [
  `CREATE TABLE webhook_endpoint (
     id TEXT PRIMARY KEY,
     url TEXT NOT NULL,
     platform TEXT,
     types TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE webhook_subject (
     subject TEXT PRIMARY KEY,
     sequence INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE webhook_event (
     id TEXT PRIMARY KEY,
     type TEXT NOT NULL,
     subject TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     at INTEGER NOT NULL,
     data TEXT NOT NULL,
     UNIQUE (subject, sequence)
   ) STRICT;
   CREATE TABLE webhook_delivery (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     endpoint_id TEXT NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
     event_id TEXT NOT NULL REFERENCES webhook_event (id),
     state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
     attempts INTEGER NOT NULL,
     due_at INTEGER NOT NULL,
     claim TEXT,
     leased_until INTEGER,
     last_outcome TEXT,
     settled_at INTEGER,
     UNIQUE (event_id, endpoint_id),
     CHECK ((state = 'pending') = (settled_at IS NULL))
   ) STRICT;
   CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'pending';
   CREATE INDEX webhook_delivery_settled ON webhook_delivery (settled_at) WHERE state <> 'pending';
   CREATE INDEX webhook_delivery_of_endpoint ON webhook_delivery (endpoint_id);`,
  `CREATE INDEX webhook_delivery_undelivered ON webhook_delivery (state, due_at) WHERE state <> 'delivered';`,
]

/**
 * Writes an event and its deliveries inside the caller's transaction: they are there exactly when what they tell of is.
 * An event that no endpoint wants is not written.
 */
export function emitEvent(db: Database, event: NewEvent, random: Random): void {
  const endpoints = db
    .prepare<[string | null, string], { id: string }>(
      `SELECT id FROM webhook_endpoint WHERE (platform IS NULL OR platform = ?)
         AND EXISTS (SELECT 1 FROM json_each(types) WHERE value = ?)`,
    )
    .all(event.platform ?? null, event.type)
  if (endpoints.length === 0) return
  const { sequence } = db
    .prepare(
      `INSERT INTO webhook_subject VALUES (?, 1)
       ON CONFLICT (subject) DO UPDATE SET sequence = sequence + 1 RETURNING sequence`,
    )
    .get(event.subject) as { sequence: number }
  const id = newIdentifier(random, 16)
  db.prepare('INSERT INTO webhook_event VALUES (?, ?, ?, ?, ?, ?)').run(
    id,
    event.type,
    event.subject,
    sequence,
    event.at,
    JSON.stringify(event.data),
  )
  const deliver = db.prepare(
    `INSERT INTO webhook_delivery (endpoint_id, event_id, state, attempts, due_at)
     VALUES (?, ?, 'pending', 0, ?)`,
  )
  for (const endpoint of endpoints) deliver.run(endpoint.id, id, event.at)
}

/** Erases every event about a subject, told or not, inside the caller's transaction. */
export function forgetSubject(db: Database, subject: string): void {
  for (const sql of FORGET_SUBJECT) db.prepare(sql.replace('$1', '?')).run(subject)
}

const SELECT_DELIVERY = `SELECT webhook_delivery.id, endpoint_id, event_id, state, attempts, due_at, last_outcome,
    settled_at, type, subject, sequence, at, data
  FROM webhook_delivery
  JOIN webhook_endpoint ON webhook_endpoint.id = endpoint_id
  JOIN webhook_event ON webhook_event.id = event_id`

const OF_PAGE = `(@state IS NULL OR state = @state)
    AND webhook_delivery.id < coalesce(@before, ${Number.MAX_SAFE_INTEGER})
  ORDER BY webhook_delivery.id DESC LIMIT @limit`

/** Opens the outbox in the database of what its events tell of. */
export function openWebhookStore(db: Database): WebhookStore {
  return {
    addEndpoint: async ({ id, url, platform, types, createdAt }) => {
      db.prepare('INSERT OR IGNORE INTO webhook_endpoint VALUES (?, ?, ?, ?, ?)').run(
        id,
        url,
        platform ?? null,
        JSON.stringify(types),
        createdAt,
      )
    },

    endpoints: async (platform) =>
      db
        .prepare<[string | null, string | null], EndpointRow>(
          `SELECT id, url, platform, types, created_at FROM webhook_endpoint
           WHERE ? IS NULL OR platform = ? ORDER BY created_at, id`,
        )
        .all(platform ?? null, platform ?? null)
        .map(endpointOf),

    removeEndpoint: async (id, platform) =>
      immediate(db, () => {
        const { changes } = db
          .prepare('DELETE FROM webhook_endpoint WHERE id = ? AND (? IS NULL OR platform = ?)')
          .run(id, platform ?? null, platform ?? null)
        if (changes > 0) forgetEvents(db)
        return changes > 0
      }),

    claim: async ({ claim, limit, perEndpoint, leaseUntil }, now) =>
      immediate(db, () => {
        const take = db.prepare(
          'UPDATE webhook_delivery SET claim = ?, leased_until = ?, attempts = attempts + 1 WHERE id = ?',
        )
        return db
          .prepare<Record<string, number>, ClaimRow>(
            `WITH waiting AS (
               SELECT *, leased_until > @now AS leased, row_number() OVER (
                 PARTITION BY endpoint_id ORDER BY leased_until > @now DESC, due_at, id) AS place
               FROM webhook_delivery
               WHERE state = 'pending' AND (due_at <= @now OR leased_until > @now))
             SELECT waiting.id, attempts, url, event_id, type, subject, sequence, at, data FROM waiting
             JOIN webhook_endpoint ON webhook_endpoint.id = endpoint_id
             JOIN webhook_event ON webhook_event.id = event_id
             WHERE leased IS NOT 1 AND place <= @perEndpoint ORDER BY due_at, waiting.id LIMIT @limit`,
          )
          .all({ now, perEndpoint, limit })
          .map((row): ClaimedDelivery => {
            take.run(claim, leaseUntil, row.id)
            return {
              id: row.id,
              url: row.url,
              event: eventOf(row),
              attempt: row.attempts + 1,
              claim,
            }
          })
      }),

    recordAttempt: async (id, claim, ended, now) => {
      const retry = ended.next === 'retry'
      const { changes } = db
        .prepare(
          `UPDATE webhook_delivery SET state = ?, last_outcome = ?, settled_at = ?, due_at = coalesce(?, due_at),
             claim = NULL, leased_until = NULL
           WHERE id = ? AND claim = ? AND state = 'pending'`,
        )
        .run(
          retry ? 'pending' : ended.next,
          ended.outcome,
          retry ? null : now,
          retry ? ended.dueAt : null,
          id,
          claim,
        )
      return changes > 0
    },

    deliveries: async ({ platform, endpointId, state, before, limit }) => {
      const page = { state: state ?? null, before: before ?? null, limit }
      if (platform === undefined && endpointId === undefined) {
        return db
          .prepare<typeof page, DeliveryRow>(`${SELECT_DELIVERY} WHERE ${OF_PAGE}`)
          .all(page)
          .map(deliveryOf)
      }
      const ofEndpoint = db.prepare<typeof page & { endpoint: string }, DeliveryRow>(
        `${SELECT_DELIVERY} WHERE endpoint_id = @endpoint AND ${OF_PAGE}`,
      )
      // An endpoint at a time, so that the deliveries of others are not walked through.
      return db
        .prepare<Record<string, string | null>, { id: string }>(
          `SELECT id FROM webhook_endpoint
           WHERE (@platform IS NULL OR platform = @platform) AND (@endpointId IS NULL OR id = @endpointId)`,
        )
        .all({ platform: platform ?? null, endpointId: endpointId ?? null })
        .flatMap(({ id }) => ofEndpoint.all({ ...page, endpoint: id }))
        .sort((one, other) => other.id - one.id)
        .slice(0, limit)
        .map(deliveryOf)
    },

    delivery: async (id, platform) => {
      const row = db
        .prepare<Record<string, string | number | null>, DeliveryRow>(
          `${SELECT_DELIVERY}
           WHERE webhook_delivery.id = @id AND (@platform IS NULL OR platform = @platform)`,
        )
        .get({ id, platform: platform ?? null })
      return row && deliveryOf(row)
    },

    resend: async (id, now, platform) =>
      db
        .prepare(
          `UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = ?, settled_at = NULL
           WHERE id = ? AND state <> 'pending' AND (? IS NULL OR EXISTS (
             SELECT 1 FROM webhook_endpoint WHERE webhook_endpoint.id = endpoint_id AND platform = ?))`,
        )
        .run(now, id, platform ?? null, platform ?? null).changes > 0,

    backlog: async () => backlogOf(db.prepare<[], BacklogRow>(BACKLOG).all()),

    forgetSettled: async (before) =>
      immediate(db, () => {
        const { changes } = db
          .prepare(`DELETE FROM webhook_delivery WHERE state <> 'pending' AND settled_at < ?`)
          .run(before)
        if (changes > 0) forgetEvents(db)
        return changes
      }),
  }
}

/** An event is kept for as long as a delivery of it is. */
function forgetEvents(db: Database): void {
  db.prepare(
    `DELETE FROM webhook_event WHERE NOT EXISTS (
       SELECT 1 FROM webhook_delivery WHERE event_id = webhook_event.id)`,
  ).run()
}
