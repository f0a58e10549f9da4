// PostGraphile 5 over PostgreSQL: the Amber preset with simplified names and filters.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter'
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection'

const preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset, PostGraphileConnectionFilterPreset],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ['app'] })],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false }
}
const server = createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
