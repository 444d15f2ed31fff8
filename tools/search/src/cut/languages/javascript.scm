(class_declaration name: (identifier) @name body: (_) @body) @class
(assignment_expression left: (member_expression property: (property_identifier) @name) right: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
]) @function
(program (expression_statement) @outer)

(class_heritage [(identifier) @base (member_expression property: (property_identifier) @base)])
