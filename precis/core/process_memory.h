// The memory of the process as a whole, for programs: libraries leave it as it is.
#pragma once

namespace precis {

// Freed memory stays for the next tensor: given back to the kernel, as blocks above 128 KiB are by
// themselves, it would come again page by page, each cleared anew. What the heap grows by first comes in huge
// pages where the system has them: one fault for what else takes 512. To be called once, before other threads
// start.
void keep_freed_memory();

}  // namespace precis
