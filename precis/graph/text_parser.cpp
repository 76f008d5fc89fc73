// Text form -> Graph: see docs/graph_text.md. Statements are collected first, so that they may name values
// that come later: constants are made first, then the nodes in the order written.
#include <map>

#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/text.h"
#include "precis/graph/text_values.h"

namespace precis {
namespace {

using text::Lexer;
using text::Token;

struct Result {
  std::string name;  // empty: an omitted output
  ValueType type;
};

struct NodeStatement {
  Token at;
  std::vector<Result> results;
  std::vector<std::string> arguments;  // empty: an omitted input
  Node node;                           // operator, attributes and name
};

class Parser {
 public:
  Parser(Lexer& lexer, int depth) : lexer_(lexer), depth_(depth) {}

  Graph graph() {
    if (depth_ > limits().max_subgraph_depth)
      lexer_.fail_at(lexer_.peek(),
                     fmt::format("subgraphs nested deeper than {}", limits().max_subgraph_depth));
    if (lexer_.word("'graph'") != "graph") lexer_.fail_at(lexer_.peek(), "expected 'graph'");
    if (!lexer_.at("(")) graph_.name = lexer_.name("the graph's name");
    inputs();
    lexer_.expect("->");
    const std::vector<std::string> outputs = names("an output");
    lexer_.expect("{");
    while (!lexer_.accept("}")) statement();
    for (NodeStatement& s : nodes_) add_node(s);
    std::vector<ValueId> ids;
    for (const std::string& name : outputs) ids.push_back(value(name));
    graph_.set_outputs(std::move(ids));
    return std::move(graph_);
  }

 private:
  void inputs() {
    lexer_.expect("(");
    for (bool first = true; !lexer_.accept(")"); first = false) {
      if (!first) lexer_.expect(",");
      const Token at = lexer_.peek();
      std::string name = lexer_.name("an input");
      ValueType type;
      if (lexer_.accept(":")) type = text::parse_type(lexer_);
      located(at, [&] { graph_.add_input(std::move(name), std::move(type)); });
    }
  }

  std::vector<std::string> names(const char* what) {
    std::vector<std::string> list;
    lexer_.expect("(");
    for (bool first = true; !lexer_.accept(")"); first = false) {
      if (!first) lexer_.expect(",");
      list.push_back(optional_name(what));
    }
    return list;
  }

  std::string optional_name(const char* what) {
    const bool omitted = lexer_.at_name("_");
    std::string name = lexer_.name(what);
    return omitted ? "" : name;
  }

  void statement() {
    NodeStatement s;
    s.at = lexer_.peek();
    do {
      Result r;
      r.name = optional_name("a value or '}'");
      if (lexer_.accept(":")) r.type = text::parse_type(lexer_);
      s.results.push_back(std::move(r));
    } while (lexer_.accept(","));
    lexer_.expect("=");
    if (s.results.size() == 1 && text::at_contents(lexer_))
      constant(s.at, std::move(s.results[0]));
    else
      node(std::move(s));
  }

  void constant(const Token& at, Result result) {
    Tensor contents = text::parse_contents(lexer_, result.type);
    located(at, [&] {
      graph_.add_encoded_constant(std::move(result.name), std::move(contents), std::move(result.type));
    });
  }

  void node(NodeStatement s) {
    s.node.op = lexer_.name("an operator or a constant");
    if (lexer_.accept("::")) {
      s.node.domain = std::move(s.node.op);
      s.node.op = lexer_.name("an operator");
    }
    s.arguments = names("an input");
    if (lexer_.accept("{")) attributes(s.node);
    if (lexer_.at_name("as")) {
      lexer_.next();
      s.node.name = lexer_.name("the node's name");
    } else {
      s.node.name = s.results[0].name;
    }
    nodes_.push_back(std::move(s));
  }

  void attributes(Node& node) {
    for (bool first = true; !lexer_.accept("}"); first = false) {
      if (!first) lexer_.expect(",");
      const Token at = lexer_.peek();
      const std::string key = lexer_.name("an attribute's name");
      lexer_.expect("=");
      Attribute value =
          lexer_.at_name("graph") ? Attribute(SubgraphPtr(subgraph())) : text::parse_attribute(lexer_);
      if (!node.attributes.emplace(key, std::move(value)).second)
        lexer_.fail_at(at, "attribute '" + printable(key) + "' is given twice");
    }
  }

  // Names that the body does not define are captured from outside.
  Graph subgraph() {
    Graph body = Parser(lexer_, depth_ + 1).graph();
    for (size_t i = 0; i < body.num_values(); ++i) {
      Value& v = body.value(ValueId{static_cast<int32_t>(i)});
      v.captured = !v.producer && !v.constant && !v.input;
    }
    return body;
  }

  ValueId value(const std::string& name) {
    if (name.empty()) return {};
    const ValueId id = graph_.find_value(name);
    return id ? id : graph_.add_value(name);
  }

  void add_node(NodeStatement& s) {
    located(s.at, [&] {
      for (const std::string& name : s.arguments) s.node.inputs.push_back(value(name));
      for (Result& r : s.results) {
        const ValueId id = value(r.name);
        if (id && r.type.dtype != DType::kUndefined) graph_.value(id).type = std::move(r.type);
        s.node.outputs.push_back(id);
      }
      graph_.add_node(std::move(s.node));
    });
  }

  // Runs `action`; what it throws gets the place in the text in front.
  template <typename Action>
  void located(const Token& at, const Action& action) {
    try {
      action();
    } catch (const Error& e) {
      throw Error(e.code(), fmt::format("line {}, column {}: {}", at.line, at.column, e.what()));
    }
  }

  Lexer& lexer_;
  int depth_;
  Graph graph_;
  std::vector<NodeStatement> nodes_;
};

}  // namespace

Graph parse_graph(std::string_view source) {
  Lexer lexer(source);
  Graph graph = Parser(lexer, 0).graph();
  if (lexer.peek().kind != Token::Kind::kEnd) lexer.fail_at(lexer.peek(), "expected nothing after the graph");
  return graph;
}

}  // namespace precis
