"""Finetuning on a task with a known answer: it learns, repeats, rehearses and resumes exactly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from episodes import ReachEnv, make_episode

from oda_core.errors import BufferFileError, CheckpointError
from oda_core.types import Episode, Purpose
from oda_policy.adapt import AdaptMachine, Phase, run_in_process
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import AdaptConfig, AgentConfig, FinetuneConfig, MetaTrainConfig
from oda_policy.finetune import Finetuner
from oda_policy.meta_train import meta_train
from oda_policy.tasks import TaskData, lay_out
from oda_policy.transitions import Batch

GOALS = [(0.8, y, x) for y in (-0.5, 0.0, 0.5) for x in (-0.3, 0.3)]
FAR = (0.2, -1.0, 0.9)  # outside of the training goals: demonstrations alone do not suffice
CONFIG = FinetuneConfig.preset("best")
CONFIG = replace(CONFIG, updates_per_step=4.0, batch=64, context=64, warmup_updates=0)
CONFIG = replace(CONFIG, learning_rate=1e-3, rehearsed=0)  # a reach has no symmetry
REHEARSING = replace(CONFIG, rehearsed=2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    tasks = [
        TaskData(
            name=str(goal),
            demos=[ReachEnv(goal).demonstrate(i) for i in range(10)],
            offline=[ReachEnv(goal).demonstrate(100 + i, noise=0.6) for i in range(30)],
        )
        for goal in GOALS
    ]
    agent = replace(AgentConfig.best(), hidden=(64, 64), encoder_hidden=(64,), actor_rate=1e-3)
    config = MetaTrainConfig(
        agent=agent, updates=400, batch=32, context=32, demo_fraction=0.25, memory=50
    )
    return meta_train(tasks, config, tmp_path_factory.mktemp("meta") / "policy.safetensors")


def demos(goal: tuple[float, float, float] = FAR) -> list[Episode]:
    return [ReachEnv(goal).demonstrate(i) for i in range(10)]


def adaptation(
    checkpoint: Checkpoint, seed: int, training: int
) -> tuple[AdaptMachine, list[Episode]]:
    config = AdaptConfig(
        initial_trials=10, final_trials=20, window=10, max_training_episodes=training, seed=seed
    )
    machine = AdaptMachine.begin("s", "peg", config)
    finetuner = Finetuner(checkpoint, demos(), CONFIG, seed)
    return machine, run_in_process(ReachEnv(FAR), finetuner, machine)


def test_finetuning_solves_what_demonstrations_alone_do_not(checkpoint: Checkpoint) -> None:
    machine, episodes = adaptation(checkpoint, seed=0, training=60)
    steps = sum(len(e) for e in episodes) + len(episodes)  # each reset takes as long as a step
    assert machine.robot_time_s == pytest.approx(0.1 * steps)
    assert machine.rate(Phase.EVALUATE_INITIAL).value <= 0.5
    assert machine.rate(Phase.EVALUATE_FINAL).value >= 0.8


def test_the_same_seed_repeats_a_whole_adaptation(checkpoint: Checkpoint) -> None:
    machine, episodes = adaptation(checkpoint, seed=1, training=4)
    again, repeated = adaptation(checkpoint, seed=1, training=4)
    assert again.to_json() == machine.to_json()
    for a, b in zip(episodes, repeated, strict=True):
        np.testing.assert_array_equal(a.actions, b.actions)
        np.testing.assert_array_equal(a.rewards, b.rewards)


def training(index: int) -> Episode:
    return make_episode(index, seed=5, purpose=Purpose.TRAINING)


def weights(finetuner: Finetuner) -> torch.Tensor:
    networks = finetuner.agent.networks.values()
    return torch.cat([p.detach().flatten() for n in networks for p in n.parameters()])


@pytest.mark.parametrize("config", [CONFIG, REHEARSING], ids=["alone", "rehearsing"])
def test_a_resumed_finetuner_goes_on_exactly(
    checkpoint: Checkpoint, config: FinetuneConfig, tmp_path: Path
) -> None:
    whole, first = (Finetuner(checkpoint, demos(), config, 3) for _ in range(2))
    for i in range(4):
        whole.add_episode(training(i))
        whole.train()
    for i in range(2):
        first.add_episode(training(i))
        first.train()
    first.save(tmp_path)
    resumed = Finetuner(checkpoint, demos(), config, 3)
    assert resumed.load(tmp_path)
    for i in range(4):  # the owner may offer stored episodes again
        assert resumed.add_episode(training(i)) == (i >= 2)
        resumed.train()
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.updates == whole.updates == whole.first_updates + 4 * 6 * 4
    assert resumed.snapshot(4).to_bytes() == whole.snapshot(4).to_bytes()


def test_a_state_of_another_session_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    finetuner = Finetuner(checkpoint, demos(), CONFIG, 3)
    assert not finetuner.load(tmp_path)
    finetuner.save(tmp_path)
    with pytest.raises(CheckpointError, match="seed was 3, is now 4"):
        Finetuner(checkpoint, demos(), CONFIG, 4).load(tmp_path)
    with pytest.raises(CheckpointError, match="finetune was"):
        Finetuner(checkpoint, demos(), replace(CONFIG, batch=32), 3).load(tmp_path)


def test_updates_follow_the_transitions_and_the_purpose(checkpoint: Checkpoint) -> None:
    config = replace(CONFIG, updates_per_step=0.5, warmup_episodes=2, use_evaluations=True)
    finetuner = Finetuner(checkpoint, demos(), config, 0)
    evaluation = make_episode(9, purpose=Purpose.EVALUATION)
    assert finetuner.add_episode(evaluation)
    assert finetuner.updates_due == 0
    finetuner.add_episode(training(0))
    assert finetuner.updates_due == 0  # warm-up
    finetuner.add_episode(training(1))
    shown = sum(len(demo) for demo in demos()) // 2
    assert finetuner.updates_due == shown + 6
    finetuner.train()
    assert (finetuner.updates_due, finetuner.updates) == (0, shown + 6)
    without = Finetuner(checkpoint, demos(), replace(config, use_evaluations=False), 0)
    assert not without.add_episode(evaluation)


def test_demonstrations_call_for_updates_once_as_training_data(checkpoint: Checkpoint) -> None:
    steps = sum(len(demo) for demo in demos())
    due = {
        name: Finetuner(checkpoint, demos(), replace(CONFIG, **changes), 0).first_updates
        for name, changes in {
            "data": {},
            "shown by a warm-up": {"warmup_updates": 5},
            "only encoded": {"demo_fraction": 0.0},
        }.items()
    }
    assert due == {"data": 4 * steps, "shown by a warm-up": 0, "only encoded": 0}


def test_the_first_updates_see_the_demonstrations_alone(checkpoint: Checkpoint) -> None:
    """The only online episode differs between two learners; their weights do not, until later."""
    learners = [Finetuner(checkpoint, demos(), CONFIG, 0) for _ in range(2)]
    for learner, number in zip(learners, (0, 7), strict=True):
        learner.add_episode(training(number))
        learner.train(learner.first_updates)
    assert torch.equal(*map(weights, learners))
    for learner in learners:
        learner.train()
    assert not torch.equal(*map(weights, learners))


def test_critics_alone_learn_at_first_when_asked(checkpoint: Checkpoint) -> None:
    config = replace(CONFIG, critic_updates=5)
    finetuner = Finetuner(checkpoint, demos(), config, 0)
    finetuner.add_episode(training(0))
    start = [p.clone() for p in finetuner.agent.actor.parameters()]
    critic = finetuner.agent.critics.weights[0].clone()
    finetuner.train(5)
    assert all(map(torch.equal, start, finetuner.agent.actor.parameters()))
    assert not torch.equal(critic, finetuner.agent.critics.weights[0])
    finetuner.train(1)
    assert not all(map(torch.equal, start, finetuner.agent.actor.parameters()))


def test_no_demonstrations_are_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(BufferFileError, match="found no demonstrations"):
        Finetuner(checkpoint, [], CONFIG, 0)


def test_a_sampled_task_code_repeats_per_version(checkpoint: Checkpoint) -> None:
    finetuner = Finetuner(checkpoint, demos(), replace(CONFIG, sample_z=True), 0)
    codes = [finetuner.snapshot(v).z for v in (0, 0, 1)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.array_equal(codes[0], codes[2])


def seen_in_updates(finetuner: Finetuner, updates: int) -> list[tuple[Batch, torch.Tensor]]:
    """What the agent learns from: the batch (T, B, ...) and context (T, N, ...) of each update."""
    seen: list[tuple[Batch, torch.Tensor]] = []
    learn = finetuner.agent.update

    def update(batch: Batch, context: torch.Tensor) -> dict[str, torch.Tensor]:
        seen.append((batch, context))
        return learn(batch, context)

    finetuner.agent.update = update
    finetuner.train(updates)
    return seen


def test_rehearsed_tasks_stand_below_as_many_parts_of_the_new_one(checkpoint: Checkpoint) -> None:
    episodes = [[make_episode(i, seed=task) for i in range(5)] for task in range(4)]
    tasks_of = [TaskData(name="", demos=shown[:2], offline=shown[2:]) for shown in episodes]
    memory = lay_out(tasks_of, checkpoint.info.agent).thinned(10, torch.Generator())
    remembering = replace(checkpoint, memory=memory)
    own = {tuple(o) for d in demos() for o in d.observations[:-1].tolist()}
    ends = memory.counts.sum(-1).cumsum(0)[:-1].tolist()
    known = [set(rows[:, 20].tolist()) for rows in memory.rows.tensor_split(ends)]
    drawn = set()
    for batch, context in seen_in_updates(Finetuner(remembering, demos(), REHEARSING, 0), 5):
        assert batch.obs.shape == (4, CONFIG.batch // 4, 18)
        assert context.shape == (4, CONFIG.context, 25)
        assert {tuple(o) for o in batch.obs[:2].flatten(0, 1).tolist()} <= own
        assert {tuple(o) for o in context[:2, :, :18].flatten(0, 1).tolist()} <= own
        tasks = []
        for actions in (batch.action[2], batch.action[3], context[2, :, 18:], context[3, :, 18:]):
            downward = set(actions[:, 2].tolist())  # the part that no change of frame touches
            tasks.append([i for i, values in enumerate(known) if downward <= values])
        assert all(len(found) == 1 for found in tasks)  # one training task each
        assert tasks[:2] == tasks[2:] and tasks[0] != tasks[1]
        drawn |= {task for found in tasks for task in found}
    assert len(drawn) > 2  # other tasks in other updates


def test_the_seed_fixes_what_is_rehearsed(checkpoint: Checkpoint) -> None:
    first, again, other = (Finetuner(checkpoint, demos(), REHEARSING, s) for s in (1, 1, 2))
    contexts = [[c for _, c in seen_in_updates(f, 3)] for f in (first, again, other)]
    assert all(map(torch.equal, contexts[0], contexts[1]))
    assert not any(map(torch.equal, contexts[0], contexts[2]))
    assert torch.equal(weights(first), weights(again))


def test_rehearsal_needs_a_memory_and_takes_what_tasks_it_holds(checkpoint: Checkpoint) -> None:
    words = "no memory of training tasks to rehearse; meta-train with memory above 0, or set"
    with pytest.raises(CheckpointError, match=words):
        Finetuner(replace(checkpoint, memory=None), demos(), REHEARSING, 0)
    many = Finetuner(checkpoint, demos(), replace(CONFIG, rehearsed=7), 0)
    assert many.memory is not None
    assert many.memory.shape == (len(GOALS), CONFIG.batch // (2 * len(GOALS)))
