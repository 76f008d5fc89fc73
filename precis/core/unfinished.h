// Files that must not outlive an interrupted process. Whoever makes one says so first; the program's signal
// watch removes what is left right before it ends the process.
#pragma once

#include <functional>
#include <string>

namespace precis {

// Calls make(), which makes a file or folder and returns its path ("" when it could not), and remembers it;
// returns the path. One call at a time, and none once the removal has begun: nothing new appears behind its
// back.
std::string make_unfinished(const std::function<std::string()>& make);
// A file that is there already. It is removed only when `guard`, another unfinished file, was there to be
// removed: a guard that is gone has got its final name, and then needs this file.
void add_unfinished(const std::string& path, const std::string& guard);
void forget_unfinished(const std::string& path) noexcept;

// Removes all of them (folders with what they hold). Only for a process that is about to end: threads that
// would make another are stopped from here on.
void remove_unfinished() noexcept;

}  // namespace precis
