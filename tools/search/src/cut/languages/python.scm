(class_definition name: (identifier) @name body: (block) @body) @class
(function_definition name: (identifier) @name body: (block) @body) @function
(decorated_definition) @outer

(class_definition superclasses: (argument_list [(identifier) @base (attribute attribute: (identifier) @base)]))

(module . (comment)* . (expression_statement (string) @doc))
(class_definition body: (block . (comment)* . (expression_statement (string) @doc)))
(function_definition body: (block . (comment)* . (expression_statement (string) @doc)))

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(call function: [(identifier) @call (attribute attribute: (identifier) @call)])
