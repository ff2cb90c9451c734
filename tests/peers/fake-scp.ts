import { createServer } from 'node:net';
import dimse from 'dcmjs-dimse';
import { onTestFinished } from 'vitest';

type Association = InstanceType<typeof dimse.association.Association>;
type StoreRequest = InstanceType<typeof dimse.requests.CStoreRequest>;
type Answer = Parameters<InstanceType<typeof dimse.Scp>['cStoreRequest']>[1];
export type FakeScp = InstanceType<typeof dimse.Scp> & {
  sendAssociationAccept(): void;
  sendAssociationReleaseResponse(): void;
  sendAbort(source: number, reason: number): void;
  readonly socket: { destroy(): void };
};

/** How a far side behaves that no well-behaved node would. Left out: it accepts, stores and releases. */
export interface Behaviour {
  associate?(scp: FakeScp, association: Association): void;
  store?(scp: FakeScp, request: StoreRequest, answer: Answer): void;
  release?(scp: FakeScp): void;
}

export const { Accept, RejectTransferSyntaxesNotSupported } = dimse.constants.PresentationContextResult;

export function acceptAll(scp: FakeScp, association: Association): void {
  for (const { context } of association.getPresentationContexts())
    context.setResult(Accept, context.getTransferSyntaxUids()[0]);
  scp.sendAssociationAccept();
}

export function success(request: StoreRequest, answer: Answer): void {
  const response = dimse.responses.CStoreResponse.fromRequest(request);
  response.setStatus(dimse.constants.Status.Success);
  answer(response);
}

/** The library's own provider, told how to misbehave; resolves to its port. */
export async function aFakeScp(behaviour: Behaviour): Promise<number> {
  dimse.log.setLevel('silent');
  class Scp extends dimse.Scp {
    // What Network has and the library's type declarations have not.
    get #self(): FakeScp {
      return this as unknown as FakeScp;
    }
    override associationRequested(association: Association): void {
      (behaviour.associate ?? acceptAll)(this.#self, association);
    }
    override cStoreRequest(request: StoreRequest, answer: Answer): void {
      if (behaviour.store) behaviour.store(this.#self, request, answer);
      else success(request, answer);
    }
    override associationReleaseRequested(): void {
      if (behaviour.release) behaviour.release(this.#self);
      else this.#self.sendAssociationReleaseResponse();
    }
    override abort(): void {
      this.#self.socket.destroy();
    }
  }
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onClose.add(() => socket.destroy());
    new Scp(socket, {});
  });
  const onClose = new Set<() => void>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const close of onClose) close();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
