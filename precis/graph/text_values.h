// Types, encodings, tensor contents and attributes in the text form of graphs. Private to the room.
#pragma once

#include <string>

#include "precis/graph/graph.h"
#include "precis/graph/text_lexer.h"

namespace precis::text {

ValueType parse_type(Lexer& lexer);
std::string print_type(const ValueType& type);

// Contents for a constant of `type` (shape must be known): a number, a list in row-major order, or
// constant(...).
Tensor parse_contents(Lexer& lexer, const ValueType& type);
bool at_contents(const Lexer& lexer);  // does a constant's contents start here, rather than an operator?
std::string print_contents(const Tensor& tensor, int64_t max_elements);

// Everything but graphs, which need the parser itself.
Attribute parse_attribute(Lexer& lexer);
std::string print_attribute(const std::string& key, const Attribute& attribute);

}  // namespace precis::text
