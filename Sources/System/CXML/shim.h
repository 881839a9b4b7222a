// libxml2's headers bring ICU's where it was built with it, and Foundation brings an ICU of its own: one compiler process
// cannot read both. Only the character converters, which nobody here touches, would have ICU's fields.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
