// What an interrupt does: unfinished files go, the terminal is put right, and the exit code is 128 + the
// signal's number.
#pragma once

namespace precis::cli {

// For SIGINT, SIGTERM and SIGHUP, where they are not ignored. Work in progress is never waited for; another
// signal, half a second later, ends the process even when the removal of files hangs. (Supervisors such as
// timeout send theirs twice at once.)
void watch_signals();

// To be called before a failure is reported: when a signal has come, that is the reason (it ends child
// processes too), and this does not return.
void end_if_signalled();

}  // namespace precis::cli
