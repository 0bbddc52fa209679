/**
 * A plugin that lets TypeDoc read the tables. Much of the public API is made of them: the fields of a view are the
 * rows of a layout, so their documentation is what the rows say; and a type such as `keyof typeof families` is the
 * words in a table, so those are shown.
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

/** The line of a table as a sentence. */
function sentence(doc) {
  return `${doc[0].toUpperCase()}${doc.slice(1)}.`;
}

/** What the row of a layout says of its field; undefined for what is no row of a layout. */
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

/** What the table of facts says of one of ours; undefined for what is none. */
function factText(declaration) {
  const row = factPredicates[declaration.name?.getText()];
  const inTable = declaration.getSourceFile().fileName.endsWith("/src/filter/facts.ts");
  return inTable && row !== undefined ? sentence(row.doc) : undefined;
}

/** What tells the members of a union apart says all of itself. */
function literalText({ type }) {
  return type !== undefined && ts.isLiteralTypeNode(type) ? `Always \`${type.getText()}\`.` : undefined;
}

/** A type that is words only, as TypeDoc shows one; undefined for any other. */
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

/** Takes away what a type was written with, where something else is shown in its place. */
function withoutLiterals(project, reflection) {
  for (const child of project.getReflectionsByKind(ReflectionKind.TypeLiteral))
    if (child.parent === reflection) project.removeReflection(child);
}

/** Takes away what a class or interface is made from, unless that has a page of its own. */
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

/** Called by TypeDoc. */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const symbol = context.getSymbolFromReflection(reflection);
    for (const declaration of symbol?.declarations ?? []) {
      if (reflection.hasComment()) return;
      const text = rowText(declaration) ?? factText(declaration) ?? literalText(declaration);
      if (text !== undefined) reflection.comment = new Comment([{ kind: "text", text }]);
    }
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
      // The function that makes a view has the same name as the view's interface, and comes along with it.
      if ((symbol.flags & ts.SymbolFlags.Variable) !== 0) project.removeReflection(alias);
    }
    for (const reflection of project.getReflectionsByKind(ReflectionKind.ClassOrInterface)) {
      withoutOrigins(project, reflection);
      // Errors are made by the library only.
      const made = reflection.children?.filter(({ kind }) => kind === ReflectionKind.Constructor) ?? [];
      for (const each of made) project.removeReflection(each);
    }
  });
}
