/** The tables of a store's files. Each migration takes a file from one version to the next; files say theirs. */

/** The migrations: the first makes version 1 of an empty file. Never change one that was released. */
export const migrations: readonly string[] = [
  `
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL,
  version TEXT NOT NULL,
  host TEXT NOT NULL,
  interval_ms INTEGER NOT NULL,
  filter TEXT,
  tables TEXT,
  sources TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  ended INTEGER NOT NULL
) STRICT;
CREATE TABLE place (
  id INTEGER PRIMARY KEY,
  inode INTEGER NOT NULL,
  name TEXT,
  pid INTEGER
) STRICT;
CREATE TABLE process (
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  start_ticks INTEGER NOT NULL,
  name BLOB NOT NULL,
  uid INTEGER,
  user TEXT,
  exe TEXT,
  arguments BLOB,
  cgroup TEXT
) STRICT;
CREATE TABLE address (
  id INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TABLE context (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  place INTEGER NOT NULL,
  name TEXT NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE sample (
  wall_ms INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  boot_ms INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  sockets INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE connection (
  id INTEGER PRIMARY KEY,
  opened_ms INTEGER,
  protocol INTEGER NOT NULL,
  place INTEGER NOT NULL,
  local INTEGER NOT NULL,
  local_port INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  peer_port INTEGER NOT NULL,
  process INTEGER,
  uid INTEGER NOT NULL,
  reason TEXT,
  bytes_sent INTEGER,
  bytes_received INTEGER,
  segments_sent INTEGER,
  segments_received INTEGER,
  retransmits INTEGER,
  rtt_us INTEGER,
  min_rtt_us INTEGER
) STRICT;
CREATE INDEX connection_peer ON connection (peer);
CREATE TABLE coverage (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  from_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  count INTEGER,
  detail TEXT
) STRICT;
CREATE VIEW connections AS
  SELECT connection.id / 4096 AS closed_ms, opened_ms,
    CASE protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' ELSE protocol END AS netid,
    here.text AS local_address, local_port, there.text AS peer_address, peer_port,
    process.pid, CAST(process.name AS TEXT) AS process, process.user, connection.uid, reason, bytes_sent, bytes_received,
    segments_sent, segments_received, retransmits, rtt_us, min_rtt_us, place.inode AS netns
  FROM connection
  JOIN address AS here ON here.id = local
  JOIN address AS there ON there.id = peer
  JOIN place ON place.id = place
  LEFT JOIN process ON process.id = process;
`,
  `
CREATE TABLE finding (
  id INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  place INTEGER,
  subject TEXT NOT NULL,
  title TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  cleared_ms INTEGER,
  data TEXT NOT NULL
) STRICT;
CREATE TABLE sighting (
  id INTEGER PRIMARY KEY,
  what TEXT NOT NULL,
  process TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  address TEXT NOT NULL,
  port INTEGER NOT NULL,
  place INTEGER NOT NULL,
  after_ms INTEGER,
  first_ms INTEGER NOT NULL
) STRICT;
`,
  // Samples say how they are written; connections beyond what rows can hold are counted together.
  `
ALTER TABLE sample ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sample ADD COLUMN changed INTEGER;
CREATE TABLE bundle (
  id INTEGER PRIMARY KEY,
  from_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  protocol INTEGER NOT NULL,
  place INTEGER NOT NULL,
  peer INTEGER,
  server_port INTEGER NOT NULL,
  process INTEGER,
  connections INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes_sent INTEGER NOT NULL,
  bytes_received INTEGER NOT NULL,
  segments_sent INTEGER NOT NULL,
  segments_received INTEGER NOT NULL,
  retransmits INTEGER NOT NULL
) STRICT;
CREATE VIEW bundles AS
  SELECT from_ms, until_ms, CASE protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' ELSE protocol END AS netid,
    address.text AS peer_address, server_port, process.pid, CAST(process.name AS TEXT) AS process, process.user,
    connections, failed, duration_ms, bytes_sent, bytes_received, segments_sent, segments_received, retransmits,
    place.inode AS netns
  FROM bundle
  JOIN place ON place.id = place
  LEFT JOIN address ON address.id = peer
  LEFT JOIN process ON process.id = process;
`,
  // Servers are looked up by port. The ports of clients differ from connection to connection: they are left out.
  `
CREATE INDEX connection_peer_port ON connection (peer_port) WHERE peer_port < 32768;
`,
];

/** Ports below this are in the index of ports. */
export const INDEXED_PORTS = 32_768;

/** The version of the schema that this program writes. */
export const SCHEMA_VERSION = migrations.length;

/** The first version whose samples say how they are written. */
export const FORMAT_VERSION = 3;

/** Ids of connections are the time of their end in milliseconds times this, plus a number that makes them unique. */
export const IDS_PER_MS = 4096;
