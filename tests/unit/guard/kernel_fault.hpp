#pragma once

namespace steward {

/// A kernel that, while it lives, says an error to every such call of this thread. The linker puts it before the C
/// library (CMakeLists.txt): nothing else makes a file system fail at a time of one's own choice.
class kernel_fault {
  public:
    enum class call {
        none,
        read,       ///< fails
        fdopendir,  ///< fails: no directory can be listed
        renameat2,  ///< is done, and the error said all the same, as pmxcfs does
    };
    kernel_fault(call which, int error);
    ~kernel_fault();
    kernel_fault(const kernel_fault&) = delete;
    kernel_fault& operator=(const kernel_fault&) = delete;
};

}  // namespace steward
