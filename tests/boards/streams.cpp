// An accelerator in its AXI shell: commands come on standard input, answers go to standard output.
//
// A command is four words of 32 bits: what, a, b, n. Streams move in every cycle of every command.
//   w  write b at register a          -> response
//   r  read register a                -> response, data
//   i  offer n bytes, which follow; the last beat has TLAST
//   o  take answers until TLAST (a = 1), or none (a = 0)
//   n  let n cycles pass              -> bytes that wait, whether answers are taken, beats, then these
//   x  forget what waits, take nothing
//   z  the clock's reset
// Argument: seed of random pauses on both streams, 0 for none.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "Vaccelerator.h"
#include "verilated.h"

namespace {
std::unique_ptr<Vaccelerator> top;
std::deque<uint8_t> waiting;
std::vector<uint64_t> answers;
std::mt19937 random_bits;
bool taking = false, pauses = false, offered = false;
constexpr uint64_t PATIENCE = 100000;

void all(int file, void* data, size_t size, bool writes) {
  auto* place = static_cast<uint8_t*>(data);
  while (size) {
    const ssize_t done = writes ? write(file, place, size) : read(file, place, size);
    if (done <= 0) std::exit(0);
    place += done;
    size -= done;
  }
}

void cycle() {
  constexpr size_t beat = sizeof(top->s_axis_tdata);
  const auto go = [] { return !pauses || random_bits() % 3; };
  offered = !waiting.empty() && (offered || go());
  top->s_axis_tvalid = offered;
  top->s_axis_tlast = offered && waiting.size() == beat;
  uint8_t bytes[beat] = {};
  for (size_t i = 0; i < beat && offered; i++) bytes[i] = waiting[i];
  std::memcpy(&top->s_axis_tdata, bytes, beat);
  top->m_axis_tready = taking && go();
  top->eval();
  const bool in = offered && top->s_axis_tready, out = top->m_axis_tready && top->m_axis_tvalid;
  if (out) {
    answers.push_back(top->m_axis_tdata);
    if (top->m_axis_tlast) taking = false;
  }
  top->aclk = 1;
  top->eval();
  top->aclk = 0;
  if (in) {
    waiting.erase(waiting.begin(), waiting.begin() + beat);
    offered = false;
  }
}

uint32_t write_register(uint32_t address, uint32_t data) {
  top->s_axi_awaddr = address;
  top->s_axi_wdata = data;
  top->s_axi_wstrb = 15;
  bool asks = true, gives = true;
  top->s_axi_bready = 1;
  for (uint64_t i = 0; i < PATIENCE; i++) {
    top->s_axi_awvalid = asks;
    top->s_axi_wvalid = gives;
    top->eval();
    const bool asked = asks && top->s_axi_awready, gave = gives && top->s_axi_wready, done = top->s_axi_bvalid;
    const uint32_t response = top->s_axi_bresp;
    cycle();
    asks = asks && !asked;
    gives = gives && !gave;
    if (done) return response;
  }
  std::exit(3);
}

uint32_t read_register(uint32_t address, uint32_t& data) {
  top->s_axi_araddr = address;
  bool asks = true;
  top->s_axi_rready = 1;
  for (uint64_t i = 0; i < PATIENCE; i++) {
    top->s_axi_arvalid = asks;
    top->eval();
    const bool asked = asks && top->s_axi_arready, done = top->s_axi_rvalid;
    const uint32_t response = top->s_axi_rresp;
    data = top->s_axi_rdata;
    cycle();
    asks = asks && !asked;
    if (done) return response;
  }
  std::exit(3);
}

void reset() {
  top->aresetn = 0;
  for (int i = 0; i < 8; i++) cycle();
  top->aresetn = 1;
}
}  // namespace

int main(int, char** argv) {
  const auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);
  top = std::make_unique<Vaccelerator>(context.get());
  const unsigned seed = std::atoi(argv[1]);
  pauses = seed != 0;
  random_bits.seed(seed);
  top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_arvalid = 0;
  reset();
  for (;;) {
    uint32_t words[4];
    all(0, words, sizeof words, false);
    const auto [what, a, b, n] = words;
    if (what == 'w') {
      uint32_t response = write_register(a, b);
      all(1, &response, 4, true);
    } else if (what == 'r') {
      uint32_t reply[2];
      reply[0] = read_register(a, reply[1]);
      all(1, reply, 8, true);
    } else if (what == 'i') {
      std::vector<uint8_t> data(n);
      all(0, data.data(), n, false);
      waiting.insert(waiting.end(), data.begin(), data.end());
    } else if (what == 'o') {
      taking = a;
    } else if (what == 'n') {
      for (uint32_t i = 0; i < n; i++) cycle();
      uint32_t state[3] = {uint32_t(waiting.size()), taking, uint32_t(answers.size())};
      all(1, state, sizeof state, true);
      all(1, answers.data(), 8 * answers.size(), true);
      answers.clear();
    } else if (what == 'x') {
      waiting.clear();
      taking = offered = false;
    } else if (what == 'z') {
      reset();
    } else {
      return 2;
    }
  }
}
