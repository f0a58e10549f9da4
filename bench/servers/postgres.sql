CREATE SCHEMA app;
CREATE TABLE app.dataset (id uuid PRIMARY KEY, name text NOT NULL, neuron_count int NOT NULL);
CREATE TABLE app.neuron (
  dataset_id uuid NOT NULL REFERENCES app.dataset (id), cid uuid NOT NULL, source_id int NOT NULL, polarity text,
  voxel_volume float8 NOT NULL, voxel_radius float8 NOT NULL, mesh_volume float8 NOT NULL,
  mesh_surface_area float8 NOT NULL, mesh_area_volume_ratio float8 NOT NULL, mesh_sphericity float8 NOT NULL,
  centroid_x float8 NOT NULL, centroid_y float8 NOT NULL, centroid_z float8 NOT NULL, cable_length float8 NOT NULL,
  n_branches int NOT NULL, terminal_count int NOT NULL, mitochondria_count int NOT NULL
);
CREATE TABLE app.synapse (
  dataset_id uuid NOT NULL, cid uuid NOT NULL, source_id int NOT NULL, neuron_id uuid NOT NULL,
  connection_score float8 NOT NULL, x float8 NOT NULL, y float8 NOT NULL, z float8 NOT NULL
);
\copy app.dataset FROM 'dataset.csv' CSV
\copy app.neuron FROM 'neuron.csv' CSV
\copy app.synapse FROM 'synapse.csv' CSV
ALTER TABLE app.neuron ADD PRIMARY KEY (dataset_id, cid), ADD UNIQUE (cid);
ALTER TABLE app.synapse ADD PRIMARY KEY (dataset_id, cid);
CREATE INDEX synapse_neuron ON app.synapse (neuron_id, dataset_id, cid);
ALTER TABLE app.synapse ADD FOREIGN KEY (neuron_id) REFERENCES app.neuron (cid);
VACUUM ANALYZE;
