/**
 * A TypeDoc plugin that documents what is derived from tables. The fields of a view are the rows of a layout, so their
 * documentation is the row's `doc`. A type such as `keyof typeof families` is shown as the union of its words.
 */
import {
  Comment,
  Converter,
  IntrinsicType,
  LiteralType,
  ReferenceType,
  ReflectionKind,
  TemplateLiteralType,
  UnionType,
} from "typedoc";
import ts from "typescript";
import { factPredicates } from "../../src/filter/facts.ts";

/** The properties of an object literal that are plain words, by name. */
function words(literal) {
  const plain = literal.properties.filter(
    (property) => ts.isPropertyAssignment(property) && ts.isStringLiteralLike(property.initializer),
  );
  return Object.fromEntries(plain.map(({ name, initializer }) => [name.getText(), initializer.text]));
}

/** A table's `doc` text as a sentence. */
function sentence(doc) {
  return `${doc[0].toUpperCase()}${doc.slice(1)}.`;
}

/** The documentation of a layout's field; undefined if the declaration is not a layout row. */
function rowText(declaration) {
  const { initializer } = declaration;
  if (!ts.isPropertyAssignment(declaration) || !ts.isObjectLiteralExpression(initializer)) return undefined;
  const { doc, unit, kernel, since } = words(initializer);
  if (doc === undefined) return undefined;
  const facts = [
    ...(unit === undefined ? [] : [`Unit: ${unit}.`]),
    ...(kernel === undefined ? [] : [`The kernel's \`${kernel}\`.`]),
    ...(since === undefined ? [] : [`Since Linux ${since}.`]),
  ];
  return `${sentence(doc)}\n\n${facts.join(" ")}`;
}

/** The interfaces whose properties are the words of the filter, each with the operand of its predicate. */
const operandTypes = new Set(["FactOperands", "FilterOperands"]);

/** What the table of facts says of one of ours; undefined for what is none. */
function factText(reflection) {
  const row = operandTypes.has(reflection.parent?.name) ? factPredicates[reflection.name] : undefined;
  return row === undefined ? undefined : sentence(row.doc);
}

/** The documentation of a union's discriminant, which is its literal type. */
function literalText({ type }) {
  return type !== undefined && ts.isLiteralTypeNode(type) ? `Always \`${type.getText()}\`.` : undefined;
}

/** A union of string literals and templates as a TypeDoc type; undefined for any other type. */
function wordsType(type) {
  const members = type.isUnion() ? type.types : [type];
  const shown = members.map((member) => {
    if (member.isStringLiteral()) return new LiteralType(member.value);
    if ((member.flags & ts.TypeFlags.TemplateLiteral) === 0) return undefined;
    const [head, ...tails] = member.texts;
    return new TemplateLiteralType(
      head,
      tails.map((tail) => [new IntrinsicType("number"), tail]),
    );
  });
  return shown.includes(undefined) ? undefined : new UnionType(shown);
}

/** Removes the type literals that an alias was written with; its own type replaces them. */
function withoutLiterals(project, reflection) {
  for (const child of project.getReflectionsByKind(ReflectionKind.TypeLiteral))
    if (child.parent === reflection) project.removeReflection(child);
}

/** Removes the base types of a class or interface that have no page of their own. */
function withoutOrigins(project, reflection) {
  const { extendedTypes } = reflection;
  if (extendedTypes === undefined) return;
  const kept = extendedTypes.filter(
    (type) =>
      type instanceof ReferenceType && (type.reflection !== undefined || type.package === "typescript"),
  );
  if (kept.length === extendedTypes.length) return;
  withoutLiterals(project, reflection);
  reflection.extendedTypes = kept.length > 0 ? kept : undefined;
}

/** TypeDoc's entry point for plugins. */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.hasComment()) return;
    const { declarations = [] } = context.getSymbolFromReflection(reflection) ?? {};
    const texts = declarations.map((declaration) => rowText(declaration) ?? literalText(declaration));
    const text = factText(reflection) ?? texts.find((each) => each !== undefined);
    if (text !== undefined) reflection.comment = new Comment([{ kind: "text", text }]);
  });
  converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const { project } = context;
    const checker = context.programs[0].getTypeChecker();
    for (const alias of project.getReflectionsByKind(ReflectionKind.TypeAlias)) {
      const symbol = context.getSymbolFromReflection(alias);
      if (symbol === undefined) continue;
      const type = wordsType(checker.getDeclaredTypeOfSymbol(symbol));
      if (type !== undefined) {
        withoutLiterals(project, alias);
        alias.type = type;
      }
      // A view's constructor function has the same name as its interface and would be documented twice.
      if ((symbol.flags & ts.SymbolFlags.Variable) !== 0) project.removeReflection(alias);
    }
    for (const reflection of project.getReflectionsByKind(ReflectionKind.ClassOrInterface)) {
      withoutOrigins(project, reflection);
      // Users do not construct errors or views, so constructors are not documented.
      const made = reflection.children?.filter(({ kind }) => kind === ReflectionKind.Constructor) ?? [];
      for (const each of made) project.removeReflection(each);
    }
  });
}
