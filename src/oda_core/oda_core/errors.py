"""Errors that say what was found, what was expected and what to do."""


class OdaError(Exception):
    """Base of every error that a user can mend; the command line prints it without a traceback."""


class ConfigError(OdaError):
    """A configuration value or key is wrong."""


class ConnectorError(OdaError):
    """A connector's description is impossible or unknown."""


class ContractError(OdaError):
    """Data from a topic or an array breaks the contract of its type."""


class BagError(OdaError):
    """A bag cannot be read or written."""


class BufferFileError(OdaError):
    """A buffer file cannot be read or written."""


class CheckpointError(OdaError):
    """A checkpoint cannot be read, or belongs to another robot or task."""


class SimulationError(OdaError):
    """The simulation cannot do what was asked."""


class JammedError(SimulationError):
    """The robot cannot return to its start: a plug is stuck, or something is in the way."""


class SessionError(OdaError):
    """A session directory cannot be created, resumed or trusted."""


class DeviceError(OdaError):
    """A device of the operator is not there, or says what nobody understands."""
