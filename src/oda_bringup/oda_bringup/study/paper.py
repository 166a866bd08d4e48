"""The paper's own figures, on its robot.

Source: Zhao, Luo et al., Offline Meta-Reinforcement Learning for Industrial Insertion, Figs. 3, 5.
"""

FIG3 = {  # successes of 100: ODA, AWAC
    "us-ac-plug": (100, 87),
    "nema14-30p": (100, 93),
    "metal-peg-rec": (100, 96),
    "metal-peg-rd": (100, 99),
    "uk-ac-plug": (100, 100),
    "car-plug-4p": (100, 100),
    "metal-peg-sq": (99, 90),
    "car-plug-3p": (75, 64),
    "eu-ac-plug": (99, 100),
}
ASIDE = (100, 49)  # E-model-10p
SPEED_UP = {"ddpgfd": 11.75, "awac-paper": 1.73}  # of ODA's finetuning, against
MINUTES = 30.0  # in which every connector reached 100 of 100
CHALLENGE_MINUTES = {"ram-288": "25", "network-card-18": "0"}
