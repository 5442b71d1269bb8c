// Package importrule holds the rule of who may import whom. Its test reads the imports of every package of the module and fails
// the build where the rule is broken, with the reason beside it.
//
// Data flows straight down: vendor → record → reading → event → log → roster → door. An import against the flow is a
// shortcut that the next reader has to know about.
package importrule
