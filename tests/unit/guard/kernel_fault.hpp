#pragma once

namespace steward {

/// A kernel that, while it lives, says an error to every such call of this thread. The linker puts it before the C
/// library (CMakeLists.txt): nothing else makes a file system fail at a time of one's own choice. Several may live.
class kernel_fault {
  public:
    enum class call {
        none,
        read,
        write,
        fsync,
        fstat,
        fstatat,
        mkdirat,
        unlinkat,
        renameat,
        renameat2,
        renameat2_done,  ///< is done, and the error said all the same, as pmxcfs does
        utimensat,
        fdopendir,  ///< no directory can be listed
        readdir,
        flock,
    };
    static constexpr int always = -1;

    /// The first `spared` calls are carried out, then so many fail; those after them are carried out again.
    kernel_fault(call which, int error, int spared = 0, int failing = always);
    ~kernel_fault();
    kernel_fault(const kernel_fault&) = delete;
    kernel_fault& operator=(const kernel_fault&) = delete;

    /// While one lives nobody sleeps in `poll`: for so many milliseconds they would have.
    [[nodiscard]] static int slept_ms();

    // What the linker's names ask.
    /// Whether this call fails now; errno says why.
    [[nodiscard]] static bool fails(call which);
    [[nodiscard]] static bool is_expected(call which);
    /// Whether one lives, so that nobody sleeps for so long.
    [[nodiscard]] static bool saves_sleep(int limit_ms);

  private:
    [[nodiscard]] static kernel_fault* of(call which);

    const call which_;
    const int error_;
    int spared_;
    int failing_;
    kernel_fault* const before_;
};

}  // namespace steward
