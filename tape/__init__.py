from tape import tree as tree
