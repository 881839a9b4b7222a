// Keeps libsentencepiece from writing over libtorch's settings.
//
// Both libc10 and Debian's libsentencepiece export a variable called FLAGS_minloglevel: an int of 4 bytes in one, an
// absl::Flag object of 32 in the other. In one process the dynamic linker binds both to whichever comes first, and when
// that is libc10's, SentencePiece's constructor overwrites what lies behind it: libc10's
// FLAGS_caffe2_use_fatal_for_enforce becomes true and running out of memory aborts the process instead of failing.
// A definition in the program itself comes before both. Nobody reads it as an int: libc10 keeps the flag for
// compatibility alone, and SentencePiece constructs its object here. Linux only; macOS binds symbols to libraries.
#if defined(__linux__)

#include <cstddef>

constexpr std::size_t kRoomForEitherType = 256;

extern "C" {
// Weak, so that a program that links SentencePiece statically keeps the real one.
__attribute__((visibility("default"), used, weak)) alignas(64) char FLAGS_minloglevel[kRoomForEitherType] = {};
}

#endif
