"""Buffers as LeRobotDatasets: the steps as in oda_policy.exports, and LeRobot's own tables of them.

Layout: https://huggingface.co/docs/lerobot/lerobot-dataset-v3
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from oda_policy.buffer import BufferInfo, read_info
from oda_policy.exports import (
    DATA_FILE,
    FPS,
    SCALARS,
    VECTORS,
    arrow,
    refuse_existing,
    write_frames,
)

VERSION = "v3.0"
EPISODES_FILE = "meta/episodes/chunk-000/file-000.parquet"
PARTS = ("position", "rotation", "linear", "angular", "force", "torque")
AXES = [f"{part}.{axis}" for part in PARTS for axis in "xyz"]
NAMES = {"observation.state": AXES, "action": AXES[6:12], "next.state": AXES}


def write_lerobot(buffer: str | Path, path: str | Path) -> int:
    """Write a buffer as a LeRobotDataset directory; the number of episodes.

    Raises:
        BufferFileError: the buffer cannot be read, or the directory exists.
        ConfigError: pyarrow is not installed.
    """
    target = Path(path)
    refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for name in (DATA_FILE, EPISODES_FILE):
            (unfinished / name).parent.mkdir(parents=True)
        lengths, statistics = write_frames(Path(buffer), unfinished / DATA_FILE)
        info = read_info(buffer)
        task = f"insert {info.connector}"
        _write_episodes(unfinished / EPISODES_FILE, lengths, task)
        _write_tasks(unfinished / "meta/tasks.parquet", task)
        texts = {"info": _lerobot_info(info, lengths), "stats": statistics}
        for name, content in texts.items():
            (unfinished / f"meta/{name}.json").write_text(json.dumps(content, indent=4))
        unfinished.chmod(0o755)
        os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return len(lengths)


def _write_episodes(path: Path, lengths: list[int], task: str) -> None:
    pa, count = arrow("pyarrow"), len(lengths)
    ends = np.cumsum(lengths)
    zeros = np.zeros(count, np.int64)
    table = pa.table(
        {
            "episode_index": np.arange(count),
            "tasks": [[task]] * count,
            "length": np.array(lengths, np.int64),
            "dataset_from_index": ends - lengths,
            "dataset_to_index": ends,
            "data/chunk_index": zeros,
            "data/file_index": zeros,
            "meta/episodes/chunk_index": zeros,
            "meta/episodes/file_index": zeros,
        }
    )
    arrow("pyarrow.parquet").write_table(table, path)


def _write_tasks(path: Path, task: str) -> None:
    """The table of tasks, with the task as pandas' index."""
    pa = arrow("pyarrow")
    index = "__index_level_0__"
    columns = [
        {"name": "task_index", "field_name": "task_index", "pandas_type": "int64",
         "numpy_type": "int64", "metadata": None},
        {"name": None, "field_name": index, "pandas_type": "unicode", "numpy_type": "object",
         "metadata": None},
    ]  # fmt: skip
    pandas = {"index_columns": [index], "column_indexes": [], "columns": columns,
              "pandas_version": "2.0.0"}  # fmt: skip
    table = pa.table({"task_index": np.zeros(1, np.int64), index: [task]})
    table = table.replace_schema_metadata({b"pandas": json.dumps(pandas).encode()})
    arrow("pyarrow.parquet").write_table(table, path)


def _lerobot_info(info: BufferInfo, lengths: list[int]) -> dict[str, Any]:
    vectors = {
        name: {"dtype": "float32", "shape": [size], "names": NAMES[name]}
        for name, size in VECTORS.items()
    }
    scalars = {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in SCALARS.items()}
    return {
        "codebase_version": VERSION,
        "robot_type": info.spec.robot,
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": FPS,
        "splits": {"train": f"0:{len(lengths)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": {**vectors, **scalars},
    }
