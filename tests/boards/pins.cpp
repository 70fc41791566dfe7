// A device at the two pins of its serial line: bytes of standard input go in on rx, bytes of tx come out.
//
// Waits without a clock where nothing has moved for IDLE cycles; ends where standard input ends.

#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>

#include "Vaccelerator.h"
#include "verilated.h"

int main(int argc, char** argv) {
  const int bit_clocks = std::atoi(argv[1]);
  const uint64_t idle = std::strtoull(argv[2], nullptr, 10);
  const auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);
  const auto top = std::make_unique<Vaccelerator>(context.get());
  const auto cycle = [&] {
    top->clk = 0;
    top->eval();
    top->clk = 1;
    top->eval();
  };
  std::deque<uint8_t> in;
  int out_bits = -1, out_count = 0, in_bit = -1, in_count = 0;
  uint8_t out = 0;
  uint64_t since = 0;
  top->rx = 1;
  top->rst = 1;
  for (int i = 0; i < 8; i++) cycle();
  top->rst = 0;
  for (uint64_t now = 0;; now++) {
    if (now % 64 == 0 || since > idle) {
      pollfd news = {0, POLLIN, 0};
      if (poll(&news, 1, since > idle ? 50 : 0) > 0) {
        uint8_t buffer[4096];
        const ssize_t count = read(0, buffer, sizeof buffer);
        if (count <= 0) return 0;
        in.insert(in.end(), buffer, buffer + count);
      } else if (since > idle) {
        continue;
      }
    }
    if (in_bit < 0 && !in.empty()) in_bit = in_count = 0;
    if (in_bit >= 0) {
      top->rx = in_bit == 0 ? 0 : in_bit == 9 ? 1 : (in.front() >> (in_bit - 1)) & 1;
      if (++in_count == bit_clocks) {
        in_count = 0;
        if (++in_bit == 10) {
          in_bit = -1;
          in.pop_front();
        }
      }
    }
    cycle();
    since = in_bit >= 0 || !top->tx ? 0 : since + 1;
    if (out_bits < 0 && !top->tx) out_bits = out_count = 0;
    if (out_bits >= 0) {
      if (out_count == bit_clocks / 2 && out_bits >= 1 && out_bits <= 8) out = uint8_t(out >> 1 | (top->tx ? 128 : 0));
      if (out_count == bit_clocks / 2 && out_bits == 9 && write(1, &out, 1) != 1) return 1;
      if (++out_count == bit_clocks) {
        out_count = 0;
        if (++out_bits == 10) out_bits = -1;
      }
    }
  }
}
