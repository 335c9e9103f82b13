const apiSchema = [{"path": "/nodes/{node}/x", "text": "x", "leaf": 0, "info": {"POST": {"name": "create",
 "method": "POST", "protected": 1, "proxyto": null, "allowtoken": 0, "permissions": {"check": ["perm", "/", ["A"]]},
 "parameters": {"additionalProperties": 0, "properties": {
  "net[n]": {"type": "string", "optional": "1", "format": {"model": {"type": "string", "enum": ["a", "b"],
   "default_key": 1}, "virtio": {"alias": "macaddr", "keyAlias": "model"}}},
  "size": {"type": "number", "minimum": "0", "max": 0.5, "default": 0.1, "requires": "net0"},
  "list": {"type": "array", "type-property": "protocol", "oneOf": [
   {"instance-types": ["ospf"], "items": {"type": "string", "pattern": "\\d+"}, "optional": 1}]}}},
 "returns": {"type": "object", "properties": {"{id}": {"type": "null"}, "a": {"type": "integer"}},
  "additionalProperties": {"type": "array", "items": {"type": "boolean"}}}}},
 "children": [{"path": "/nodes/{node}/x/{id}", "info": {"GET": {"name": "get", "returns": {}}}}]}];
let viewer = [1];
