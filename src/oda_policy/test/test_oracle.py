"""The oracle: a code told behind the observation is a task code."""

import numpy as np
import torch
from episodes import make_episode

from oda_core.spec import TaskSpec
from oda_policy.config import AgentConfig, MetaTrainConfig
from oda_policy.meta_train import meta_train
from oda_policy.oracle import conditioned, tell
from oda_policy.snapshot import snapshot
from oda_policy.tasks import TaskData

CODE = (0.5, -1.0, 0.25)


def test_a_told_policy_is_one_conditioned_on_its_code(tmp_path):
    episodes = [make_episode(i) for i in range(3)]
    task = tell(TaskData(name="peg", demos=episodes, offline=episodes, sha256="x"), CODE)
    assert task.demos[0].observations.shape == (7, 21) and "told" in task.sha256
    agent = AgentConfig(latent_size=0, hidden=(16, 16))
    config = MetaTrainConfig(agent=agent, updates=5, batch=8, context=4)
    told = meta_train([task], config, tmp_path / "told.safetensors")
    source, agent = told.agent(), conditioned(told, len(CODE))

    g = torch.Generator().manual_seed(0)
    obs, action = torch.randn(5, 18, generator=g), torch.rand(5, 6, generator=g)
    z, none = torch.tensor(CODE).expand(5, -1), torch.zeros(5, 0)
    behind = torch.cat((obs, z), -1)
    torch.testing.assert_close(agent.actor(obs, z).mean, source.actor(behind, none).mean)
    for name in ("critics", "targets"):
        ours, theirs = getattr(agent, name), getattr(source, name)
        torch.testing.assert_close(ours(obs, action, z), theirs(behind, action, none))

    policy = snapshot(agent, torch.tensor(CODE), 0, TaskSpec())
    expected = agent.actor(obs, z).mean[0].detach().numpy()
    np.testing.assert_allclose(policy.act(obs[0].numpy()), expected, atol=1e-5)
