"""compile.json: what a compile was asked for, and what it made."""

from rebnet.records.kinds import Hashes
from rebnet.records.record import Record, form
from rebnet.records.request import Request


@form
class Compile(Record):
    """compile.json: what a compile was asked for, and what it made."""

    FILE = "compile.json"

    inputs: Hashes
    request: Request
