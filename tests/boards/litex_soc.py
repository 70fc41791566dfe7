"""The target that `generate --target litex` writes, on plain pins: python litex_soc.py FOLDER OUTPUT BYTES SEED.

`FOLDER` is what was generated; Verilog, csr.json and memory images go to `OUTPUT`. BYTES: of the memory. With a SEED
above 0 both DMAs wait at random before each access.
"""

import sys
from pathlib import Path

FREQUENCY, BAUD = 16_000_000, 4_000_000


def main() -> None:
    folder, output, ram_bytes = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), int(sys.argv[3])
    seed = int(sys.argv[4])
    sys.path.insert(0, str(folder))
    import target
    from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
    from litex.soc.interconnect import wishbone
    from migen import Cat, ClockDomain, If, Module, Signal

    class Platform(GenericPlatform):
        def build(self, fragment, build_dir, build_name, run=False, **options):
            Path(build_dir).mkdir(parents=True, exist_ok=True)
            text = self.get_verilog(fragment, name=build_name)
            text.write(str(Path(build_dir) / f"{build_name}.v"))
            return text.ns

    class Clock(Module):
        def __init__(self, platform):
            self.clock_domains.cd_sys = ClockDomain()
            self.comb += [
                self.cd_sys.clk.eq(platform.request("clk")),
                self.cd_sys.rst.eq(platform.request("rst")),
            ]

    def slow(soc, bus, seed):
        """A bus whose accesses begin late: three times of four a cycle later, and so on."""
        gated, module = wishbone.Interface(data_width=32, address_width=32, addressing="word"), Module()
        going, random = Signal(), Signal(16, reset=seed)
        module.comb += [
            bus.connect(gated, omit={"cyc", "stb"}),
            gated.cyc.eq(bus.cyc & going),
            gated.stb.eq(bus.stb & going),
        ]
        module.sync += [
            random.eq(Cat(random[15] ^ random[13] ^ random[12] ^ random[10], random)),
            If(gated.ack, going.eq(0)).Elif(bus.cyc & bus.stb & (random[:2] == 0), going.eq(1)),
        ]
        soc.submodules += module
        return gated

    class Slow(target.SoC):
        def add_uartbone(self, **options):
            super().add_uartbone(**options)
            add = self.bus.add_master
            self.bus.add_master = lambda name, master: add(name=name, master=slow(self, master, seed + len(name)))

    pins = [("clk", 0, Pins(1)), ("rst", 0, Pins(1)), ("serial", 0, Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1)))]
    platform = Platform("none", pins, name="soc")
    soc = (Slow if seed else target.SoC)(platform, Clock(platform), FREQUENCY, BAUD, ram_bytes)
    target.write(soc, output, run=False)


if __name__ == "__main__":
    main()
