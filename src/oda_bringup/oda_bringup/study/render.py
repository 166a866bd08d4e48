"""placeholder"""


def render(study, store, directory):
    return directory
