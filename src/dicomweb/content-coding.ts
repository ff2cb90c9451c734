import type { Request } from 'express';

/** Whether the client takes gzip (RFC 9110 12.5.3): named, or by "*", with a weight above 0. */
export function takesGzip(request: Request): boolean {
  const weights = new Map(
    (request.get('accept-encoding') ?? '').split(',').map((coding): [string, number] => {
      const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return [name, weight === undefined ? 1 : Number(weight)];
    }),
  );
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}
