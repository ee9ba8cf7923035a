"""Many rows: inputs are cut into shards, each shard becomes one file, made once and whole.

  schema.py    Shard, Options, ShardReport, RunManifest, ...: what travels between modules
  inputs.py kinds.py  files, folders and URLs -> sources, each of one kind
  shards.py    sources -> shards
  readers/     a shard -> record batches of its rows, one module a kind of file
  images.py    a column of a batch -> what the model takes, and the rows that are none
  answers.py   images -> labels, confidences, and the rows that could not be read
  writers.py   answers -> parquet, csv or jsonl
  place.py     a folder, local or by URL: files appear in it whole
  unit.py      ``score_shard``: shard in, file out; what every engine runs
  folder.py    the output folder: manifest, what is done, resume and overwrite
  local.py     runs the units in this process, or in a few
  ray_engine.py  runs them on a Ray cluster
  run.py       the way through, top to bottom

pyarrow, fsspec and ray are loaded inside these modules alone.
"""
