// Transcripts: sessions with the program as a user sees them, kept as text and replayed line by line.
//   # a comment
//   $ precis check net.onnx          run by sh in the session's folder
//   net.onnx: 0 errors, 0 warnings   standard output
//   ! a warning                      standard error
//   [exit 0]
//   [files +out.onnx -old ~changed]  what changed in the folder, when anything did
// PRECIS_REFRESH=1 writes what was seen back into the file instead of comparing.
#pragma once

#include <string>
#include <vector>

namespace precis::test {

struct Step {
  std::vector<std::string> comments;  // in front of the command
  std::string command;
  std::string expected;  // everything below the command, up to the next one
};

std::vector<Step> parse_transcript(const std::string& text);
std::string print_transcript(const std::vector<Step>& steps);
// Runs the step in `folder` and returns what should be below its command.
std::string run_step(const Step& step, const std::string& folder, const std::string& program);
// Times, memory, versions and hashes of files as words: they differ between two runs of the same program.
std::string normalized(const std::string& text);

}  // namespace precis::test
