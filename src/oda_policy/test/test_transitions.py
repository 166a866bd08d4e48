"""Tables: what follows what, where episodes end, and which data a batch is made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from episodes import make_episode

from oda_core.errors import BufferFileError
from oda_policy.config import AgentConfig, MetaTrainConfig
from oda_policy.tasks import TaskData, TaskTables, lay_out, layout_of
from oda_policy.transitions import Layout, TransitionTable, rows_of

LAYOUT = Layout(18, 6)


def test_rows_stay_within_their_episode_and_time_limits_do_not_terminate() -> None:
    table = TransitionTable(LAYOUT, discount=0.9)
    episodes = [make_episode(0, success=True, steps=3), make_episode(1, success=False, steps=4)]
    for episode in episodes:
        table.append(episode)
    batch = table.layout.split(table.rows())
    expected = np.concatenate([e.observations[1:] for e in episodes])
    np.testing.assert_array_equal(batch.next_obs.numpy(), expected)
    np.testing.assert_array_equal(batch.terminated.numpy(), [0, 0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(batch.reward.numpy(), [0, 0, 1, 0, 0, 0, 0])
    np.testing.assert_allclose(batch.discount.numpy(), 0.9)


def test_n_step_returns_stop_at_the_end() -> None:
    episode = make_episode(0, success=True, steps=4)
    batch = LAYOUT.split(torch.from_numpy(rows_of(episode, 3, 0.5)))
    np.testing.assert_allclose(batch.reward.numpy(), [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(batch.discount.numpy(), [0.125, 0.125, 0.25, 0.5])
    np.testing.assert_array_equal(batch.terminated.numpy(), [0, 1, 1, 1])
    np.testing.assert_array_equal(batch.next_obs[0].numpy(), episode.observations[3])
    np.testing.assert_array_equal(batch.next_obs[3].numpy(), episode.observations[4])


def test_the_table_grows_and_samples_only_what_it_holds() -> None:
    table = TransitionTable(LAYOUT)
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(BufferFileError, match="no transitions"):
        table.sample(1, generator)
    for i in range(100):
        table.append(make_episode(i))
    assert len(table) == 600
    drawn = table.sample(5000, generator)
    assert {tuple(r) for r in drawn.tolist()} == {tuple(r) for r in table.rows().tolist()}
    again = table.sample(5000, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)


def task(index: int) -> TaskData:
    demos = [make_episode(i, seed=10 * index) for i in range(2)]
    offline = [make_episode(i, seed=10 * index + 1, success=False) for i in range(3)]
    return TaskData(name=f"task {index}", demos=demos, offline=offline)


def test_a_batch_mixes_demonstrations_and_offline_data_as_asked() -> None:
    tasks = [task(i) for i in range(3)]
    config = MetaTrainConfig(
        agent=AgentConfig(), batch=64, context=32, demo_fraction=0.25, pool_demos=False
    )
    tables = TaskTables(lay_out(tasks, config.agent), layout_of(tasks), config)
    batch, context = tables.sample(torch.Generator().manual_seed(0))
    assert batch.obs.shape == (3, 64, 18)
    assert context.shape == (3, 32, 25)
    for i, data in enumerate(tasks):
        demos = {tuple(o) for d in data.demos for o in d.observations[:-1].tolist()}
        offline = {tuple(o) for d in data.offline for o in d.observations[:-1].tolist()}
        found = [tuple(o) for o in batch.obs[i].tolist()]
        assert all(o in offline for o in found[:48])
        assert all(o in demos for o in found[48:])
        assert all(tuple(c[:18]) in demos for c in context[i].tolist())


def test_pooling_adds_demonstrations_and_a_subset_of_tasks_is_drawn() -> None:
    tasks = [task(i) for i in range(3)]
    config = MetaTrainConfig(agent=AgentConfig(), tasks=2, batch=200, context=1)
    tables = TaskTables(lay_out(tasks, config.agent), layout_of(tasks), config)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(20):
        batch, _ = tables.sample(generator)
        assert batch.obs.shape[0] == 2
        seen |= {tuple(o) for o in batch.obs.reshape(-1, 18).tolist()}
    everything = {
        tuple(o)
        for data in tasks
        for e in (*data.demos, *data.offline)
        for o in e.observations[:-1].tolist()
    }
    assert seen == everything


def test_a_task_without_data_is_named() -> None:
    empty = replace(task(0), demos=[])
    with pytest.raises(BufferFileError, match="task 0: found no demonstration episodes"):
        lay_out([empty], AgentConfig())


@pytest.mark.parametrize("limit", [1, 10, 1000])
def test_thinned_rows_keep_every_demonstration_and_some_offline_ones_of_each_task(
    limit: int,
) -> None:
    tasks = [replace(task(i), offline=task(i).offline[: i + 1]) for i in range(3)]
    whole = lay_out(tasks, AgentConfig())
    thin = whole.thinned(limit, torch.Generator().manual_seed(0))
    assert thin.rows.dtype == torch.float16
    assert thin.counts.tolist() == [[min(limit, 6 * (i + 1)), 12] for i in range(3)]
    full, kept = (d.rows.half().split(d.counts.flatten().tolist()) for d in (whole, thin))
    for i in range(3):
        assert torch.equal(kept[2 * i + 1], full[2 * i + 1])  # demonstrations, in order
        rows = [tuple(r) for r in kept[2 * i].tolist()]
        assert len(set(rows)) == len(rows)  # none twice
        assert set(rows) <= {tuple(r) for r in full[2 * i].tolist()}
    again, other = (whole.thinned(limit, torch.Generator().manual_seed(s)) for s in (0, 1))
    assert torch.equal(again.rows, thin.rows)
    assert torch.equal(other.rows, thin.rows) == (limit == 1000)
