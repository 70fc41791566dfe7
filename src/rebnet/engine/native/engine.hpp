// An engine: a network, the instruction set that runs it, and its threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "network.hpp"

namespace rebnet {

// Names of the instruction sets that this build holds and this processor has, the best first.
std::vector<std::string> instruction_sets();

// Threads that wait for work; the caller is one of them. One job at a time. Before they sleep, all look for what they
// wait for during some microseconds: calls often follow each other.
class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Call job(thread) once on every thread, thread 0 being the caller's; returns when all have returned.
  void run(const std::function<void(int)>& job);

 private:
  void work(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable begin_, end_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> running_{0};
  bool stop_ = false;
};

class Engine {
 public:
  // Throws std::invalid_argument: an instruction set that is not here.
  Engine(Network network, int threads, const std::string& instruction_set);

  const Network& network() const { return network_; }
  const std::string& instruction_set() const { return name_; }
  int threads() const { return pool_.threads(); }

  // Scores of `count` images; image i is at `images + i * stride` and runs at sets[i], or at `set` without sets.
  // Callers on many threads wait for each other.
  void run(const std::uint8_t* images, std::ptrdiff_t stride, std::size_t count, int set, const std::int32_t* sets,
           std::int64_t* scores);

 private:
  void run_some(Workspace& space, const std::uint8_t* images, std::ptrdiff_t stride, int count, int set,
                std::int64_t* scores);

  Network network_;
  std::string name_;
  RunImage run_image_;
  Pool pool_;
  std::vector<std::unique_ptr<Workspace>> spaces_;
  std::mutex mutex_;
};

}  // namespace rebnet
