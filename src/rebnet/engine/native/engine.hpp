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
  // As many threads as the system gives, at most `threads`.
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

// May be used on many threads, and in processes that were forked since it was made.
class Engine {
 public:
  // Throws std::invalid_argument: an instruction set that is not here.
  Engine(Network network, int threads, const std::string& instruction_set, Kernel kernel = Kernel::BEST);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Network& network() const { return network_; }
  const std::string& instruction_set() const { return name_; }
  int threads() const { return threads_; }
  // How the layers are computed with all levels, in words.
  std::vector<std::string> kernels() const;

  // Scores of `count` images; image i is at `images + i * stride` and runs at sets[i], or at `set` without sets.
  // Callers on many threads run at once: one has the pool, the others run some images on their own thread before they
  // look for it again. Throws std::bad_alloc: no memory for a workspace.
  void run(const std::uint8_t* images, std::ptrdiff_t stride, std::size_t count, int set, const std::int32_t* sets,
           std::int64_t* scores);

 private:
  // What a process needs to run the engine. A forked child has no thread but its own, and may have locks that nobody
  // will open: it makes a crew of its own, and never touches, not even to free it, the one from before.
  struct Crew {
    explicit Crew(std::uint64_t forks) : forks(forks) {}

    const std::uint64_t forks;                        // that lay behind the process that made it
    std::mutex busy;                                  // held by the call that has the pool
    std::unique_ptr<Pool> pool;                       // made by the first call with work for more than one thread
    std::vector<std::unique_ptr<Workspace>> helpers;  // of the pool's own threads
    std::mutex mutex;                                 // of what follows
    std::vector<std::unique_ptr<Workspace>> idle;     // of callers: as many as ever ran at once
  };
  Crew& crew();

  // Images that follow each other, and where their scores go.
  struct Part {
    const std::uint8_t* images;
    std::ptrdiff_t stride;
    std::size_t count;
    int set;
    const std::int32_t* sets;
    std::int64_t* scores;
  };
  std::size_t together() const;  // images of one set that run faster so, at most
  void run_pooled(Crew& crew, Workspace& own, const Part& part);
  void run_part(Workspace& space, const Part& part);
  void run_some(Workspace& space, const std::uint8_t* images, std::ptrdiff_t stride, int count, int set,
                std::int64_t* scores);

  Network network_;
  std::string name_;
  RunImage run_image_;
  int threads_;
  std::atomic<Crew*> crew_;
};

}  // namespace rebnet
