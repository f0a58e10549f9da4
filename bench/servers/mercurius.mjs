// Mercurius with graphql-jit over better-sqlite3: resolvers written by hand, a loader for the children, keyset cursors.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import Database from 'better-sqlite3'

const db = new Database(process.env.ROWS_DB, { readonly: true })
db.pragma('mmap_size = 1073741824')
db.pragma('cache_size = -262144')
const columns = `cid, dataset_id datasetId, polarity, voxel_volume voxelVolume, voxel_radius voxelRadius,
  mesh_volume meshVolume, mesh_surface_area meshSurfaceArea, mesh_area_volume_ratio meshAreaVolumeRatio,
  mesh_sphericity meshSphericity, centroid_x centroidX, centroid_y centroidY, centroid_z centroidZ,
  cable_length cableLength, n_branches nBranches, terminal_count terminalCount, mitochondria_count mitochondriaCount`
const page = db.prepare(`SELECT ${columns} FROM neuron WHERE dataset_id = ? AND cid > ? ORDER BY cid LIMIT ?`)
const one = db.prepare(`SELECT ${columns} FROM neuron WHERE dataset_id = ? AND cid = ?`)
const byCid = db.prepare(`SELECT ${columns} FROM neuron WHERE cid = ?`)
const children = db.prepare(`SELECT cid, connection_score connectionScore, x, y, z FROM synapse
  WHERE neuron_id = ? AND dataset_id = ? ORDER BY cid LIMIT ?`)

const schema = `
  type Synapse { cid: ID! connectionScore: Float! x: Float! y: Float! z: Float! }
  type SynapseEdge { node: Synapse! }
  type SynapseConnection { edges: [SynapseEdge!]! }
  type Neuron {
    cid: ID! datasetId: ID! polarity: String voxelVolume: Float! voxelRadius: Float! meshVolume: Float!
    meshSurfaceArea: Float! meshAreaVolumeRatio: Float! meshSphericity: Float! centroidX: Float! centroidY: Float!
    centroidZ: Float! cableLength: Float! nBranches: Int! terminalCount: Int! mitochondriaCount: Int!
    synapses(first: Int! = 20): SynapseConnection!
  }
  type NeuronEdge { cursor: String! node: Neuron! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type NeuronConnection { edges: [NeuronEdge!]! pageInfo: PageInfo! }
  type Query {
    neurons(dataset: ID!, first: Int! = 100, after: String): NeuronConnection!
    neuron(dataset: ID!, cid: ID!): Neuron
    nodes(ids: [ID!]!): [Neuron]!
  }`
const resolvers = {
  Query: {
    neurons(_, { dataset, first, after }) {
      const rows = page.all(dataset, after ?? '', first + 1)
      const hasNextPage = rows.length > first
      if (hasNextPage) rows.pop()
      const edges = rows.map(node => ({ cursor: node.cid, node }))
      return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null } }
    },
    neuron: (_, { dataset, cid }) => one.get(dataset, cid),
    nodes: (_, { ids }) => ids.map(cid => byCid.get(cid) ?? null)
  }
}
const loaders = {
  Neuron: {
    synapses: {
      loader: async queries => queries.map(({ obj, params }) =>
        ({ edges: children.all(obj.cid, obj.datasetId, params.first).map(node => ({ node })) })),
      opts: { cache: false }
    }
  }
}
const app = Fastify({ logger: false })
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false })
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
