(type_declaration (type_spec name: (type_identifier) @name)) @class
(function_declaration name: (identifier) @name body: (_)? @body) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @receiver
    (pointer_type (type_identifier) @receiver)
    (generic_type type: (type_identifier) @receiver)
    (pointer_type (generic_type type: (type_identifier) @receiver))
  ]))
  name: (field_identifier) @name
  body: (_)? @body) @function

(type_spec type: (struct_type (field_declaration_list (field_declaration !name type: (type_identifier) @base))))

(import_declaration) @import

(call_expression function: [(identifier) @call (selector_expression field: (field_identifier) @call)])
