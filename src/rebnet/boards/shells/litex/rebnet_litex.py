"""An accelerator of rebnet in a LiteX SoC: this file and a folder with ports.json, rtl/ and mem/ are all that it needs.

`RebnetAccelerator` has streams and registers; `RebnetDMA` is it between two DMAs, which need no processor; `add_rebnet`
gives a SoC the latter. Words are 32 bits; the byte of the lowest address is a word's lowest.

    an image     its bytes, height by width by channel, filled up to whole words with anything; with control.headers a
                 word in front of it, whose low bits are its levels (0: all)
    its scores   one after the other, class 0 first, signed, 64 bits: the low word first
"""

import json
import shutil
from math import gcd, prod
from pathlib import Path
from typing import Any

from litex.gen import LiteXModule
from litex.soc.cores.dma import WishboneDMAReader, WishboneDMAWriter
from litex.soc.interconnect import stream, wishbone
from litex.soc.interconnect.csr import CSRField, CSRStatus, CSRStorage
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceProcess
from migen import Case, Cat, ClockSignal, If, Instance, Mux, Replicate, ResetInserter, ResetSignal, Signal

WORD_BYTES = 4
SCORE_WORDS = 2
HOLD = 16
"""Cycles of a reset that is asked for."""


class RebnetAccelerator(LiteXModule):
    """The accelerator of a build, as streams of words and registers.

    A word goes in each cycle while the accelerator takes it; one cycle an image is lost.

    Args:
        platform: of LiteX; gets the accelerator's sources.
        folder: with ports.json, rtl/ and mem/: a build, or what `rebnet generate --target litex` wrote.

    Attributes:
        sink: words of images.
        source: words of scores, `last` on an image's last.
        image_words: words of an image, without a header.
        scores: scores of an image.
        reset: one cycle makes the accelerator forget all images.
        restart: `reset`, or that of the register.

    Raises:
        ValueError: ports.json is not of an accelerator that this can drive.
    """

    def __init__(self, platform: Any, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._ports = ports = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
        s_axis, m_axis = ports["s_axis"], ports["m_axis"]
        if "runtime_weights" in ports or "scores_per_beat" in m_axis or m_axis["score_bits"] > 64:
            raise ValueError(f"{self.folder}: weights at run time, several scores a beat or wide ones do not fit here")
        self.image_words = -(-prod(s_axis["image"]) // WORD_BYTES)
        self.scores = m_axis["beats_per_image"]
        self.sink = stream.Endpoint([("data", 32)])
        self.source = stream.Endpoint([("data", 32)])
        self.reset = Signal()
        self._control = CSRStorage(
            name="control",
            fields=[
                CSRField("reset", pulse=True, description="Forget all images, and count from 0."),
                CSRField("headers", description="A word in front of each image says its levels."),
            ],
        )
        self._levels = CSRStorage(
            s_axis["tuser_bits"], name="levels", description="Levels of images without a header; 0: all."
        )
        self._images_in = CSRStatus(32, name="images_in", description="Images that have gone in.")
        self._images_out = CSRStatus(32, name="images_out", description="Images whose scores have come out.")
        self._cycles = CSRStatus(32, name="cycles", description="Cycles in which an image was on its way.")
        self._error = CSRStatus(1, name="error", description="A beat was lost or too many; goes with a reset.")
        self._network = CSRStatus(
            256, reset=int(ports["inputs"]["network"], 16), name="network", description="SHA-256 of network.json."
        )
        for file in ports["files"]:
            platform.add_source(str(self.folder / file), language="systemverilog")

        # # #

        user_bits, lanes, out_bits = s_axis["tuser_bits"], s_axis["samples_per_beat"], m_axis["tdata_bits"]
        in_valid, in_ready, in_last, levels = Signal(), Signal(), Signal(), Signal(user_bits)
        out_valid, out_ready, out_last, out_data = Signal(), Signal(), Signal(), Signal(out_bits)
        held, awake, resetn, error = Signal(max=HOLD + 2, reset=HOLD + 1), Signal(), Signal(), Signal()
        self.restart = restart = Signal()
        self.comb += [restart.eq(self.reset | self._control.fields.reset), awake.eq((held == 0) & ~restart)]
        self.sync += [
            If(restart, held.eq(HOLD + 1)).Elif(held != 0, held.eq(held - 1)),
            resetn.eq(~(restart | (held > 1))),
        ]
        beat = self._beats(lanes, s_axis["beats_per_image"], restart, awake, in_valid, in_ready, in_last, levels)
        self.specials += Instance(
            ports["top"],
            i_aclk=ClockSignal(),
            i_aresetn=resetn & ~ResetSignal(),
            i_s_axis_tdata=beat,
            i_s_axis_tvalid=in_valid,
            o_s_axis_tready=in_ready,
            i_s_axis_tlast=in_last,
            i_s_axis_tuser=levels,
            o_m_axis_tdata=out_data,
            o_m_axis_tvalid=out_valid,
            i_m_axis_tready=out_ready,
            o_m_axis_tlast=out_last,
            o_m_axis_tuser=Signal(user_bits),
            o_error_tlast=error,
        )
        self._answers(restart, awake, out_valid, out_ready, out_last, out_data)
        went, came, busy = Signal(), Signal(), Signal()
        self.comb += [
            went.eq(in_valid & in_ready & in_last),
            came.eq(out_valid & out_ready & out_last),
            busy.eq(self._begun | (self._images_in.status != self._images_out.status)),
            self._error.status.eq(error & awake),
        ]
        for counter, counts in ((self._images_in, went), (self._images_out, came), (self._cycles, busy)):
            self.sync += If(restart, counter.status.eq(0)).Elif(counts, counter.status.eq(counter.status + 1))

    def _beats(
        self, lanes: int, beats: int, restart: Any, awake: Any, valid: Any, ready: Any, last: Any, levels: Any
    ) -> Any:
        """Words become beats of `lanes` bytes; an image's last word is cut. Gives the data of a beat."""
        unit = gcd(lanes, WORD_BYTES)
        size = lanes + WORD_BYTES - unit
        kept, have = Signal(8 * size), Signal(max=size + 1)
        words, done = Signal(max=self.image_words + 1), Signal(max=beats + 1)
        shifted, base, merged = Signal(8 * size), Signal(max=size + 1), Signal(8 * size)
        header, header_taken, all_in, give, take, self._begun = (Signal() for _ in range(6))
        header_word = Signal()
        self.comb += [
            all_in.eq(words == self.image_words),
            header.eq(self._control.fields.headers & ~header_taken & (words == 0) & (have == 0)),
            valid.eq(awake & ((have >= lanes) | all_in)),
            last.eq(done == beats - 1),
            give.eq(valid & ready),
            shifted.eq(Mux(give, kept >> (8 * lanes), kept)),
            base.eq(Mux(give, have - lanes, have)),
            self.sink.ready.eq(awake & (header | (~all_in & (~give | (have >= lanes)) & (base <= lanes - unit)))),
            take.eq(self.sink.valid & self.sink.ready & ~header),
            header_word.eq(self.sink.valid & self.sink.ready & header),
            self._begun.eq((words != 0) | header_taken),
            merged.eq(shifted),
            If(
                take,
                Case(
                    base,
                    {
                        place: merged[8 * place : 8 * place + 32].eq(self.sink.data)
                        for place in range(0, lanes - unit + 1, unit)
                    },
                ),
            ),
        ]
        self.sync += [
            kept.eq(merged),
            have.eq(base + Mux(take, WORD_BYTES, 0)),
            If(take, words.eq(words + 1)),
            If(take & (words == 0) & ~header_taken, levels.eq(self._levels.storage)),
            If(header_word, levels.eq(self.sink.data), header_taken.eq(1)),
            If(give, done.eq(done + 1)),
            If(
                restart | (give & last),
                kept.eq(0),
                have.eq(0),
                words.eq(0),
                done.eq(0),
                header_taken.eq(0),
            ),
        ]
        return kept[: 8 * lanes]

    def _answers(self, restart: Any, awake: Any, valid: Any, ready: Any, last: Any, data: Any) -> None:
        """Scores become words; the sign fills them."""
        whole, high = Signal(32 * SCORE_WORDS), Signal()
        self.comb += [
            whole.eq(Cat(data, Replicate(data[-1], len(whole) - len(data)))),
            self.source.valid.eq(valid & awake),
            self.source.data.eq(Mux(high, whole[32:], whole[:32])),
            self.source.last.eq(last & high),
            ready.eq(awake & self.source.ready & high),
        ]
        self.sync += If(restart, high.eq(0)).Elif(self.source.valid & self.source.ready, high.eq(~high))

    def write_memories(self, folder: str | Path) -> None:
        """Copy the memory images to where the tools run, such as `builder.gateware_dir`: they are read by name."""
        for file in self._ports["memories"]:
            place = Path(folder) / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / file, place)


class RebnetDMA(LiteXModule):
    """The accelerator between two DMAs: images are read from memory, scores are written there.

    For a batch: write base and length (bytes) of the writer, then enable it; the same of the reader; `writer_done` is
    the end, and so is the event `done`. Both are enabled anew for the next batch: 0, then 1. A reset of the accelerator
    ends both, and each waits for that.

    Args:
        soc: whose bus it is a master of, twice.
        folder: as in `RebnetAccelerator`.
        name: of the masters.
    """

    def __init__(self, soc: Any, folder: str | Path, name: str = "rebnet") -> None:
        self.accelerator = accelerator = RebnetAccelerator(soc.platform, folder)

        # # #

        buses = [
            wishbone.Interface(data_width=32, address_width=soc.bus.address_width, addressing="word") for _ in range(2)
        ]
        # "big" is without a swap: a word's lowest byte is that of the lowest address, as the bus has it
        reader = WishboneDMAReader(buses[0], endianness="big", with_csr=True)
        writer = WishboneDMAWriter(buses[1], endianness="big")
        writer.add_ctrl(ready_on_idle=0)
        writer.add_csr()
        self.reader, self.writer = ResetInserter()(reader), ResetInserter()(writer)
        self.ev = EventManager()
        self.ev.done = EventSourceProcess(edge="rising", description="All scores of a batch are in memory.")
        self.ev.finalize()
        self.comb += [
            reader.source.connect(accelerator.sink),
            accelerator.source.connect(writer.sink, omit={"last"}),  # there it would end the batch
            self.ev.done.trigger.eq(writer.done),
        ]
        for dma in (self.reader, self.writer):
            ended = Signal()  # until it is enabled anew
            self.sync += If(accelerator.restart, ended.eq(1)).Elif(~dma.enable, ended.eq(0))
            self.comb += dma.reset.eq(accelerator.restart | ended)
        for bus, kind in zip(buses, ("images", "scores"), strict=True):
            soc.bus.add_master(name=f"{name}_{kind}", master=bus)


def add_rebnet(soc: Any, folder: str | Path, name: str = "rebnet") -> RebnetDMA:
    """Give a SoC an accelerator with DMAs: registers NAME_*, constants, and an interrupt where it has a processor.

    Returns:
        The `RebnetDMA`; before the tools run, call its `accelerator.write_memories(builder.gateware_dir)`.
    """
    made = RebnetDMA(soc, folder, name)
    soc.add_module(name=name, module=made)
    accelerator = made.accelerator
    for key in ("image_words", "scores"):
        soc.add_constant(f"{name}_{key}".upper(), getattr(accelerator, key))
    if soc.irq.enabled:
        soc.irq.add(name, use_loc_if_exists=True)
    return made
