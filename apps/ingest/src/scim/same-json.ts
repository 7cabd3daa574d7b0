import { isObject, type Json } from "@rollcall/core/domain";

/** Whether two values say the same; the order of an object's names is not said. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (isArray(left) && isArray(right)) {
    return left.length === right.length && left.every((element, index) => sameJson(element, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;

  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameJson(left[name], right[name]))
  );
}

/** `Array.isArray`, which does not narrow readonly arrays by itself. */
export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
