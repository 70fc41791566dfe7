"""Methods of binarization as data: parts by argument, each with what becomes of it at inference.

`METHODS` has those that were published by name, one a file of `rebnet.methods.papers`; `rebnet.nn.methods` computes
them.
"""

from rebnet.errors import OptionError
from rebnet.methods.method import Method
from rebnet.methods.papers import (
    adabin,
    bi_real_net,
    binary_connect,
    bnn,
    dorefa_net,
    dy_bnn,
    ie_net,
    ir_net,
    reactnet,
    real_to_binary,
    rebnet,
    xnor_net,
    xnor_net_plus_plus,
)

REBNET = rebnet.METHOD
"""What networks are where nothing is said."""
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        REBNET,
        binary_connect.METHOD,
        binary_connect.STOCHASTIC,
        bnn.METHOD,
        xnor_net.METHOD,
        xnor_net.ALPHA,
        dorefa_net.METHOD,
        bi_real_net.METHOD,
        ir_net.METHOD,
        xnor_net_plus_plus.METHOD,
        xnor_net_plus_plus.CHANNELS,
        real_to_binary.METHOD,
        real_to_binary.STATIC,
        reactnet.METHOD,
        reactnet.SIGNS,
        dy_bnn.METHOD,
        ie_net.METHOD,
        adabin.METHOD,
        adabin.CENTRED,
    )
}
"""Methods by name: what stands without a word first, then in the order in which they were published."""


def method_of(name: str) -> Method:
    """The method called `name`.

    Raises:
        OptionError: There is none.
    """
    if name not in METHODS:
        raise OptionError(f"method={name!r}: no such method; use one of {', '.join(METHODS)}")
    return METHODS[name]
