"""Every error that rebnet raises on purpose, one tree.

    RebnetError                     exit code 2 on the command line, no traceback
    |- NotationError                a network text that cannot be read
    |- OptionError                  an option or argument outside its legal range
    |- FoldingError                 PE, SIMD, level lanes or FIFO depths that a layer cannot have
    |  |- BreadthError              more branches wait at a time than the exact search of foldings follows
    |  `- DeadlockError             buffers so shallow that no word moves; names them, who waits, and the least depths
    |- DatasetError                 images or labels that are missing, damaged or of the wrong shape
    |- FileFormatError              a file that is not what its name promises
    |  `- SchemaError               a file of another schema version
    |- OutputError                  a place that cannot be written, or a disk that is full
    |- ModelError                   a model of another framework that cannot be brought, or written; names the node
    |- VerifyError                  a network that breaks a rule of the intermediate representation
    |- LoweringError                a network that has no exact integer form under the given widths
    |- TrainingError                a training whose numbers overflow, or that needs more memory than there is
    |- MissingExtraError            an optional dependency that is not installed
    |- ToolError                    an outside tool that is missing or failed
    |- BoardError                   a board that is silent, runs another network, or answers what it must not
    `- SimulationError              the simulated accelerator broke a rule of its streams
       `- StallError                no beat moved any more; names the channel and its state

A message names the thing, its value, the rule it breaks and a way out. Messages are whole sentences
and are pinned in tests.
"""


class RebnetError(Exception):
    """Base of all errors above; the command line prints it as one sentence and exits with 2."""


class NotationError(RebnetError):
    """A network text that cannot be read; names the token and what is legal in its place."""


class OptionError(RebnetError):
    """An option or argument outside its legal range."""


class FoldingError(RebnetError):
    """PE, SIMD, level lanes or FIFO depths that a layer cannot have."""


class BreadthError(FoldingError):
    """More branches of a network wait at a time than the exact search of foldings follows."""


class DeadlockError(FoldingError):
    """Buffers so shallow that no word moves; names them, who waits for whom, and the least depths that work."""


class DatasetError(RebnetError):
    """Images or labels that are missing, damaged or of the wrong shape or type."""


class FileFormatError(RebnetError):
    """A file that is not what its name promises: corrupt, truncated or edited into nonsense."""


class SchemaError(FileFormatError):
    """A file written under another schema version."""


class OutputError(RebnetError):
    """A place that cannot be written, or a disk that is full."""


class ModelError(RebnetError):
    """A model of another framework that holds what cannot be brought, or a network that its file cannot hold."""


class VerifyError(RebnetError):
    """A network that breaks a rule of the intermediate representation."""


class LoweringError(RebnetError):
    """A network that has no exact integer form under the given widths."""


class TrainingError(RebnetError):
    """A training whose numbers overflow, or that needs more memory than there is."""


class MissingExtraError(RebnetError):
    """An optional dependency that is not installed; the message holds the install line."""


class ToolError(RebnetError):
    """An outside tool (compiler, simulator) that is missing or failed."""


class BoardError(RebnetError):
    """A board that is silent, runs another network, or answers what it must not; says what to look at."""


class SimulationError(RebnetError):
    """The simulated accelerator broke a rule of its streams."""


class StallError(SimulationError):
    """No beat moved on any stream any more; the message names the channel and its state."""
